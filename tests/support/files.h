// SPDX-License-Identifier: GPL-3.0-or-later
// Files for tests: golden ones, temporary ones, and what a refused one must look like.
#pragma once

#include "core/base/result.h"
#include "core/io/array_file.h"
#include "core/io/safetensors.h"
#include "test_paths.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include <cstring>

namespace attnscope::tests {

inline std::filesystem::path goldenIo(const char* name) { return std::filesystem::path(ATTNSCOPE_SOURCE_DIR) / "tests/golden/io" / name; }

/// A folder that goes away with the test.
class TempFolder {
public:
    std::filesystem::path file(const std::string& name) const { return std::filesystem::path(m_dir.path().toStdString()) / name; }
    std::filesystem::path path() const { return file(""); }

    std::filesystem::path write(const std::string& name, std::string_view bytes) const
    {
        QFile out(QString::fromStdString(file(name).string()));
        if (!out.open(QIODevice::WriteOnly) ||
            out.write(bytes.data(), static_cast<qint64>(bytes.size())) != static_cast<qint64>(bytes.size()))
            qFatal("the test can't write its file");
        return file(name);
    }

    /// Hidden ones too.
    QStringList names() const { return QDir(m_dir.path()).entryList(QDir::AllEntries | QDir::Hidden | QDir::NoDotAndDotDot, QDir::Name); }

private:
    QTemporaryDir m_dir;
};

inline std::string readAll(const std::filesystem::path& path)
{
    QFile file(QString::fromStdString(path.string()));
    return file.open(QIODevice::ReadOnly) ? file.readAll().toStdString() : std::string("unreadable");
}

/// The error has this code, says `part`, is one sentence and comes with a hint.
inline bool refused(const Error& error, Errc code, const char* part)
{
    const bool sentence = error.what.size() > 10 && error.what.ends_with('.') && error.what.find(". ") == std::string::npos &&
                          error.what.find('\n') == std::string::npos;
    const bool good = error.code == code && error.what.find(part) != std::string::npos && sentence && error.hint.size() > 10;
    if (!good)
        qWarning("code %d, \"%s\", hint \"%s\"", static_cast<int>(error.code), error.what.c_str(), error.hint.c_str());
    return good;
}

template <class T>
bool refused(const Result<T>& result, Errc code, const char* part)
{
    if (result.ok())
        qWarning("was not refused, though it should say \"%s\"", part);
    return !result.ok() && refused(result.error(), code, part);
}

/// For QVERIFY2: the error's sentence where there is one.
template <class T>
const char* why(const Result<T>& result)
{
    return result.ok() ? "" : result.error().what.c_str();
}

/// Element i of the golden arrays (see golden/io/make_golden.py).
inline float goldenValue(Index i, int shift = 0) { return static_cast<float>((37 * i + 5 * shift) % 64 - 32) / 8.0F; }

/// Array `index` of a file holds exactly the golden values.
inline bool holdsGolden(const ArrayFile& file, std::size_t index, int shift = 0)
{
    std::vector<float> values(static_cast<std::size_t>(file.arrays()[index].size()));
    const auto read = file.readInto(index, values);
    if (!read) {
        qWarning("%s", read.error().what.c_str());
        return false;
    }
    for (std::size_t i = 0; i < values.size(); ++i)
        if (values[i] != goldenValue(static_cast<Index>(i), shift))
            return false;
    return true;
}

/// The bytes of a safetensors file with this header, whatever is wrong with it.
inline std::string safetensorsBytes(const std::string& json, const std::string& data)
{
    const std::uint64_t length = json.size();
    std::string bytes(8, '\0');
    std::memcpy(bytes.data(), &length, 8);
    return bytes + json + data;
}

} // namespace attnscope::tests
