// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/exit_code.h"

#include <iostream>

namespace attnscope::cli {

namespace {

void print(const Error& error)
{
    std::cerr << error.what << '\n';
    if (!error.hint.empty())
        std::cerr << error.hint << '\n';
}

} // namespace

int fail(const Error& error)
{
    print(error);
    switch (error.code) {
    case Errc::Unsupported:
    case Errc::OutOfMemory:
        return kUnsupported;
    case Errc::Cancelled:
        return kCancelled;
    case Errc::Device:
        return kOther;
    case Errc::InvalidShape:
    case Errc::InvalidParam:
    case Errc::Io:
    case Errc::Parse:
        break;
    }
    return kBadInput;
}

int failUsage(const Error& error)
{
    const int code = fail(error);
    return error.code == Errc::InvalidParam || error.code == Errc::InvalidShape ? kUsage : code;
}

int failInput(const Error& error)
{
    const int code = fail(error);
    return error.code == Errc::Unsupported ? kBadInput : code;
}

int failOutput(const Error& error)
{
    const int code = fail(error);
    return error.code == Errc::Io ? kOther : code;
}

int failUsage(std::string what, std::string hint) { return failUsage(Error{Errc::InvalidParam, std::move(what), std::move(hint)}); }

} // namespace attnscope::cli
