// SPDX-License-Identifier: GPL-3.0-or-later
// A test class registers itself with the runner: `const RegisterTest<TestX> registered("test_x");`
#pragma once

#include <QObject>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace attnscope::tests {

struct RegisteredTest {
    std::string name; ///< the file's stem, as ctest passes it after --only
    std::function<std::unique_ptr<QObject>()> make;
};

inline std::vector<RegisteredTest>& registeredTests()
{
    static std::vector<RegisteredTest> tests;
    return tests;
}

template <class Test>
struct RegisterTest {
    explicit RegisterTest(std::string name)
    {
        registeredTests().push_back({std::move(name), [] { return std::make_unique<Test>(); }});
    }
};

} // namespace attnscope::tests
