// SPDX-License-Identifier: GPL-3.0-or-later
// A value or an Error that a user can read: no exception crosses a library border.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace attnscope {

enum class Errc { InvalidShape, InvalidParam, Unsupported, OutOfMemory, Cancelled, Device, Io, Parse };

/// Why something could not be done: `what` is one sentence for the user, `hint` says what to do about it.
struct Error {
    Errc code;
    std::string what;
    std::string hint;
};

/// The error of a run that was stopped on request.
inline Error cancelledError() { return {Errc::Cancelled, "The calculation was cancelled.", "Start it again to get a result."}; }

template <class T>
class [[nodiscard]] Result {
public:
    Result(T value) : m_state(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : m_state(std::in_place_index<1>, std::move(error)) {}

    bool ok() const { return m_state.index() == 0; }
    explicit operator bool() const { return ok(); }

    /// The value; only to be asked for after ok().
    T& value() & { return *std::get_if<0>(&m_state); }
    const T& value() const& { return *std::get_if<0>(&m_state); }
    T&& value() && { return std::move(*std::get_if<0>(&m_state)); }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(*this).value(); }
    T* operator->() { return std::get_if<0>(&m_state); }
    const T* operator->() const { return std::get_if<0>(&m_state); }

    /// The error; only to be asked for when not ok().
    const Error& error() const { return *std::get_if<1>(&m_state); }

private:
    std::variant<T, Error> m_state;
};

template <>
class [[nodiscard]] Result<void> {
public:
    Result() = default;
    Result(Error error) : m_error(std::in_place_index<1>, std::move(error)) {}

    bool ok() const { return m_error.index() == 0; }
    explicit operator bool() const { return ok(); }
    const Error& error() const { return *std::get_if<1>(&m_error); }

private:
    std::variant<std::monostate, Error> m_error;
};

} // namespace attnscope
