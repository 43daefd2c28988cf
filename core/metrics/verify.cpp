// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/metrics/verify.h"

#include "core/base/half.h"
#include "core/base/random.h"
#include "core/method/registry.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iomanip>
#include <limits>
#include <map>
#include <optional>
#include <sstream>
#include <utility>

namespace attnscope {

namespace {

constexpr double kPerCondition = 1e-6; // and more where the definition itself magnifies rounding
/// Of results relative to the largest value: what rounding of the operands and of the weights leaves, with room for unlucky draws.
double toleranceOf(Dtype dtype)
{
    switch (dtype) {
    case Dtype::F32:
        break;
    case Dtype::TF32:
    case Dtype::F16:
        return 3e-3;
    case Dtype::BF16:
        return 1e-2;
    }
    return 1e-5;
}

/// What the format can hold: then the residual is the kernel's own.
void roundTo(Dtype dtype, std::span<float> values)
{
    for (float& x : values) {
        if (dtype == Dtype::F16)
            x = floatFromHalf(halfFromFloat(x));
        if (dtype == Dtype::BF16)
            x = floatFromBfloat16(bfloat16FromFloat(x));
    }
}

constexpr double kInputDeviation = 0.7; // logits of a few units, as trained heads have them

struct Problem {
    Shape shape;
    Index kvHeads;
};

/// Lengths that no block size divides, grouped heads, batches, more keys than queries, a single token.
constexpr std::array<Problem, 4> kProblems{
    {{{2, 4, 67, 131, 24, 19}, 2}, {{1, 2, 193, 193, 33, 7}, 2}, {{1, 1, 260, 700, 16, 8}, 1}, {{1, 1, 1, 1, 5, 3}, 1}}};

struct Arrays {
    Tensor q, k, v;
    Inputs inputs(bool causal) const { return {q.view(), k.view(), v.view(), causal, 0.0F, nullptr}; }
};

Tensor normals(Index batch, Index heads, Index rows, Index cols, double deviation, Random& random)
{
    Tensor t(batch, heads, rows, cols);
    std::generate(t.values().begin(), t.values().end(), [&] { return static_cast<float>(deviation * random.normal()); });
    return t;
}

Arrays drawArrays(const Problem& p, std::uint64_t seed, Dtype dtype)
{
    Random random(seed, static_cast<std::uint64_t>(p.shape.keys));
    const Shape& s = p.shape;
    Arrays arrays{normals(s.batch, s.heads, s.queries, s.dim, kInputDeviation, random),
                  normals(s.batch, p.kvHeads, s.keys, s.dim, kInputDeviation, random),
                  normals(s.batch, p.kvHeads, s.keys, s.valueDim, 1.0, random)};
    for (Tensor* tensor : {&arrays.q, &arrays.k, &arrays.v})
        roundTo(dtype, tensor->values());
    return arrays;
}

/// A value of a parameter that differs from its default, as a caption.
struct Variant {
    Params params;
    std::string caption;
};

/// Every number well below its default (or 3 where that is 0), so that sizes differ from problem to problem.
Variant smallNumbers(const MethodInfo& info, const Params& base)
{
    Variant small{base, ""};
    for (const auto& spec : info.params) {
        if (spec.kind != ParamKind::Number || !spec.integer)
            continue;
        const double value = std::clamp(spec.initial > 0.0 ? std::floor(spec.initial / 9.0) : 3.0, spec.min, spec.max);
        small.params.numbers[spec.key] = value;
        small.caption += (small.caption.empty() ? "" : " ") + spec.key + "=" + std::to_string(std::llround(value));
    }
    return small;
}

/// The defaults, small numbers, and each choice of each parameter in turn; files get random matrices that fit.
std::vector<Variant> variantsOf(const AttentionMethod& method, const Problem& problem, std::uint64_t seed)
{
    const MethodInfo& info = method.info();
    Params base = defaultParams(info.params, seed);
    Random random(seed, 99);
    for (const auto& spec : info.params)
        if (spec.kind == ParamKind::File) {
            const auto [rows, cols] = method.fileShape(spec.key, problem.shape, base);
            base.tensors[spec.key] = std::make_shared<const Tensor>(
                normals(1, problem.shape.heads, rows, cols, 1.0 / std::sqrt(static_cast<double>(rows)), random));
        }
    std::vector<Variant> variants{{base, ""}};
    if (auto small = smallNumbers(info, base); !small.caption.empty())
        variants.push_back(std::move(small));
    for (const auto& spec : info.params)
        for (std::size_t c = 1; spec.kind == ParamKind::Choice && c < spec.choices.size(); ++c) {
            variants.push_back({base, spec.key + "=" + spec.choices[c]});
            variants.back().params.texts[spec.key] = spec.choices[c];
        }
    return variants;
}

/// The worst of what was seen for one form of one method.
struct Findings {
    double tolerance = 1e-5;
    double residual = 0.0;
    double strain = 0.0; ///< the largest residual over its tolerance
    std::string worst;   ///< the variant that it came from
    double condition = 1.0;
    double rowSum = 0.0; ///< the largest |row sum - 1|
    double negativeMass = 0.0;
    std::optional<Error> failure;
    std::vector<double> gaps; ///< of all values, where the format is not float32
    bool compared = false;
    std::string refused; ///< a choice that the method refuses on these inputs, and why

    void add(double gap, double ofCondition, const std::string& variant)
    {
        compared = true;
        const double allowed = std::max(tolerance, kPerCondition * ofCondition);
        if (!(gap / allowed <= strain)) {
            strain = gap / allowed;
            worst = variant;
            condition = ofCondition;
        }
        residual = std::max(residual, gap);
        if (std::isnan(gap))
            residual = std::numeric_limits<double>::infinity();
    }
};

/// The value that 99.9 % don't exceed.
double percentile999(std::vector<double> values)
{
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(static_cast<double>(values.size() - 1) * 0.999);
    std::nth_element(values.begin(), at, values.end());
    return *at;
}

/// max |x - x64| / max |x64| of [rows, cols] values; each one's own is added to `gaps`, if that is wanted.
double residualOf(MatrixView<const float> x, const std::vector<double>& x64, std::vector<double>* gaps = nullptr)
{
    double gap = 0.0;
    double size = 0.0;
    for (Index i = 0; i < x.rows; ++i)
        for (Index c = 0; c < x.cols; ++c) {
            const double expected = x64[static_cast<std::size_t>(i * x.cols + c)];
            const double difference = std::abs(static_cast<double>(x(i, c)) - expected);
            if (std::isnan(difference))
                return difference;
            gap = std::max(gap, difference);
            size = std::max(size, std::abs(expected));
        }
    if (gaps != nullptr && size > 0.0)
        for (Index i = 0; i < x.rows; ++i)
            for (Index c = 0; c < x.cols; ++c)
                gaps->push_back(std::abs(static_cast<double>(x(i, c)) - x64[static_cast<std::size_t>(i * x.cols + c)]) / size);
    return size > 0.0 ? gap / size : gap;
}

std::vector<double> timesValues(const DefinedMap& map, MatrixView<const float> v)
{
    std::vector<double> out(static_cast<std::size_t>(map.rows * v.cols), 0.0);
    for (Index i = 0; i < map.rows; ++i)
        for (Index j = 0; j < map.cols; ++j)
            for (Index c = 0; c < v.cols; ++c)
                out[static_cast<std::size_t>(i * v.cols + c)] += map.at(i, j) * v(j, c);
    return out;
}

void addRowSums(const Tensor& map, Findings& found)
{
    for (Index i = 0; i < map.rows(); ++i) {
        double sum = 0.0;
        double negative = 0.0;
        for (const float w : map.matrix().rowSpan(i)) {
            sum += w;
            negative += std::max(0.0, -static_cast<double>(w));
        }
        found.rowSum = std::max(found.rowSum, std::abs(sum - 1.0));
        found.negativeMass = std::max(found.negativeMass, negative);
    }
}

std::string brief(double x)
{
    std::ostringstream out;
    out << std::setprecision(2) << x;
    return out.str();
}

class MethodCheck {
public:
    MethodCheck(const Backend& backend, const AttentionMethod& method, std::uint64_t seed, const RunContext& context)
        : m_backend(backend), m_method(method), m_seed(seed), m_context(context)
    {
    }

    /// The rows of one form, causal or not: the output, and on the CPU the map.
    std::vector<VerifyResult> check(bool causal)
    {
        m_output = {};
        m_map = {};
        m_output.tolerance = m_map.tolerance = toleranceOf(m_backend.dtype());
        m_others.clear();
        const std::string form = causal ? "causal" : "bidirectional";
        if (auto supported = m_backend.supports(m_method, kProblems.front().shape, causal); !supported)
            return {unsupported(form, supported.error())};
        for (const Problem& problem : kProblems)
            for (const auto& variant : variantsOf(m_method, problem, m_seed))
                if (!m_context.cancelled())
                    compare(problem, variant, causal);
        if (!m_output.compared && !m_output.failure && !m_output.refused.empty())
            return {unsupported(form, {Errc::Unsupported, m_output.refused, ""})};
        std::vector<VerifyResult> results{row(form, m_output, false)};
        const std::string mapForm = causal ? "causal map" : "map";
        if (m_map.compared || m_map.failure)
            results.push_back(row(mapForm, m_map, true));
        else if (!m_map.refused.empty())
            results.push_back(unsupported(mapForm, {Errc::Unsupported, m_map.refused, ""}));
        for (const auto& [name, found] : m_others)
            results.push_back(row(form + " " + name, found, false));
        return results;
    }

private:
    bool isCpu() const { return m_backend.id() == "cpu"; }

    VerifyResult unsupported(const std::string& form, const Error& why) const
    {
        return {m_method.info().id, form, m_backend.id(), std::string(toString(m_backend.dtype())), 0.0, "unsupported", why.what};
    }

    void compare(const Problem& problem, const Variant& variant, bool causal)
    {
        const Arrays arrays = drawArrays(problem, m_seed, m_backend.dtype());
        const Inputs in = arrays.inputs(causal);
        const NoticeCollector notices;
        const auto out = m_backend.run(m_method, in, variant.params, m_context);
        if (!isCpu() && !notices.sentences().empty()) { // or the CPU's output would pass for the card's
            m_output.failure = Error{Errc::Device, notices.sentences().front(), ""};
            return;
        }
        if (!out &&
            ((out.error().code == Errc::InvalidParam && !variant.caption.empty()) || (out.error().code == Errc::Unsupported && !isCpu()))) {
            // A choice that can't be made on such inputs, or that the GPU has no kernel for.
            m_output.refused = (variant.caption.empty() ? "defaults" : variant.caption) + " refused: " + out.error().what;
            return;
        }
        if (!out) {
            m_output.failure = out.error();
            return;
        }
        std::map<std::string, Result<Tensor>> others;
        if (isCpu())
            for (const auto& form : m_method.otherForms())
                others.emplace(form, m_method.runForm(form, in, variant.params, m_context));
        for (Index h = 0; h < in.q.batch() * in.q.heads(); ++h) {
            const HeadRef head{h / in.q.heads(), h % in.q.heads()};
            const auto defined = m_method.define(in, head, variant.params);
            if (!defined) {
                m_output.failure = defined.error();
                return;
            }
            const auto expected = timesValues(*defined, in.vOf(head));
            auto* gaps = m_backend.dtype() == Dtype::F32 ? nullptr : &m_output.gaps;
            m_output.add(residualOf(out->matrix(head), expected, gaps), defined->condition, variant.caption);
            for (const auto& [form, made] : others) {
                if (made)
                    m_others[form].add(residualOf(made->matrix(head), expected), defined->condition, variant.caption);
                else
                    m_others[form].failure = made.error();
            }
            if (h == 0 || isCpu())
                compareMap(in, head, variant, *defined);
        }
    }

    void compareMap(const Inputs& in, HeadRef head, const Variant& variant, const DefinedMap& defined)
    {
        const auto source = m_backend.scores(m_method, in, head, variant.params, m_context);
        if (!source) {
            m_map.failure = source.error();
            return;
        }
        if (!isCpu() && !m_backend.computes(**source)) {
            m_map.refused = (variant.caption.empty() ? "defaults" : variant.caption) + " refused: the CPU computes this map.";
            return;
        }
        const NoticeCollector notices;
        Tensor map(1, 1, defined.rows, defined.cols);
        if (auto done = (*source)->read({0, 0, defined.rows, defined.cols, 0}, Pool::Mean, map.matrix(), m_context); !done) {
            m_map.failure = done.error();
            return;
        }
        if (!isCpu() && !notices.sentences().empty()) {
            m_map.failure = Error{Errc::Device, notices.sentences().front(), ""};
            return;
        }
        m_map.add(residualOf(map.matrix(), defined.cells), defined.condition, variant.caption);
        addRowSums(map, m_map);
    }

    VerifyResult row(const std::string& form, const Findings& found, bool isMap) const
    {
        VerifyResult result{m_method.info().id,
                            form,
                            m_backend.id(),
                            std::string(toString(m_backend.dtype())),
                            found.residual,
                            found.strain <= 1.0 ? "pass" : "fail",
                            ""};
        if (found.failure) {
            result.verdict = "fail";
            result.note = found.failure->what;
            return result;
        }
        if (isMap)
            result.note =
                "over all choices: row sums within " + brief(found.rowSum) + " of 1, negative mass up to " + brief(found.negativeMass);
        if (!found.gaps.empty())
            result.note += std::string(result.note.empty() ? "" : "; ") + "99.9 % of values within " + brief(percentile999(found.gaps));
        if (kPerCondition * found.condition > found.tolerance)
            result.note += std::string(result.note.empty() ? "" : "; ") + "condition " + brief(found.condition) + ", tolerance " +
                           brief(kPerCondition * found.condition);
        if (!found.refused.empty())
            result.note += (result.note.empty() ? "" : "; ") + found.refused;
        if (!found.worst.empty())
            result.note += std::string(result.note.empty() ? "" : "; ") + "worst at " + found.worst;
        return result;
    }

    const Backend& m_backend;
    const AttentionMethod& m_method;
    std::uint64_t m_seed;
    const RunContext& m_context;
    Findings m_output;
    Findings m_map;
    std::map<std::string, Findings> m_others; ///< of the method's other forms
};

} // namespace

Result<std::vector<VerifyResult>> verifyMethods(const Backend& backend, std::uint64_t seed, const RunContext& context,
                                                const std::function<void(const VerifyResult&)>& onResult)
{
    std::vector<VerifyResult> results;
    const auto& methods = allMethods();
    for (std::size_t m = 0; m < methods.size(); ++m) {
        MethodCheck check(backend, *methods[m], seed, context);
        for (const bool causal : {false, true}) {
            auto rows = check.check(causal);
            if (context.cancelled())
                return cancelledError();
            for (auto& row : rows) {
                if (onResult)
                    onResult(row);
                results.push_back(std::move(row));
            }
        }
        context.report(static_cast<double>(m + 1) / static_cast<double>(methods.size()));
    }
    return results;
}

} // namespace attnscope
