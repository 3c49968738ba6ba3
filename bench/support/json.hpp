// support/json.hpp - json: a value of JSON, to be written and read.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace bench {

class json {
public:
    using array = std::vector<json>;
    using member = std::pair<std::string, json>;
    using object = std::vector<member>; // in the order written

    json() = default; // null
    json(bool value) : value_(value) {}
    json(std::string value) : value_(std::move(value)) {}
    json(std::string_view value) : value_(std::string(value)) {}
    json(const char* value) : value_(std::string(value)) {}
    json(array value) : value_(std::move(value)) {}
    json(object value) : value_(std::move(value)) {}
    template <class Number>
    requires(std::integral<Number> || std::floating_point<Number>) &&
        (!std::same_as<Number, bool>)json(Number value) : value_(static_cast<double>(value)) {}

    // Returns: the value, or what stands for "not there" if it is of another kind.
    [[nodiscard]] double number(double otherwise = 0) const;
    [[nodiscard]] bool boolean(bool otherwise = false) const;
    [[nodiscard]] const std::string& text() const;
    [[nodiscard]] const array& items() const;
    [[nodiscard]] const object& members() const;
    // Returns: the member of that name; null if there is none.
    [[nodiscard]] const json& operator[](std::string_view name) const;
    [[nodiscard]] bool is_null() const { return value_.index() == 0; }
    [[nodiscard]] bool is_number() const { return std::holds_alternative<double>(value_); }

    // Effects: a value that must be an object or an array (or null, which becomes one) grows; a member that has the name
    // is replaced.
    void set(std::string name, json value);
    void add(json value);

    [[nodiscard]] std::string write() const;
    // Returns: nothing if the text is not one JSON value.
    [[nodiscard]] static std::optional<json> read(std::string_view text);

    bool operator==(const json&) const = default;

private:
    void write(std::string& out, std::size_t depth) const;

    std::variant<std::nullptr_t, bool, double, std::string, array, object> value_{nullptr};
};

} // namespace bench
