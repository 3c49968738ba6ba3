// support/json.cpp - see the header.
// SPDX-License-Identifier: BSL-1.0
#include "support/json.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace bench {

namespace {

template <class T>
const T& held_or_empty(const auto& value) {
    static const T empty{};
    const T* const held = std::get_if<T>(&value);
    return held != nullptr ? *held : empty;
}

void write_text(std::string& out, std::string_view text) {
    out += '"';
    for (const char c : text) {
        switch (c) {
        case '"': out += "\\\""; break;
        case '\\': out += "\\\\"; break;
        case '\n': out += "\\n"; break;
        case '\t': out += "\\t"; break;
        default:
            if (static_cast<unsigned char>(c) < 0x20) {
                char escape[8];
                std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
                out += escape;
            } else {
                out += c;
            }
        }
    }
    out += '"';
}

void write_number(std::string& out, double value) {
    if (!std::isfinite(value)) {
        out += "null"; // JSON has no word for it
        return;
    }
    char digits[32];
    // Numbers of things without an exponent: readers that want an integer stumble over 1e+05.
    const bool is_count = value == std::floor(value) && std::abs(value) < 1e15;
    const auto end = is_count ? std::to_chars(digits, digits + sizeof digits, static_cast<long long>(value))
                              : std::to_chars(digits, digits + sizeof digits, value);
    out.append(digits, end.ptr);
}

// One value after the other from the front of the text; each function returns whether it found one.
class reader {
public:
    explicit reader(std::string_view text) : left_(text) {}

    bool value(json& out, unsigned depth = 0) {
        skip_space();
        if (left_.empty() || depth == 200) return false;
        switch (left_.front()) {
        case '{': return object(out, depth);
        case '[': return array(out, depth);
        case '"': {
            std::string text;
            if (!string(text)) return false;
            out = std::move(text);
            return true;
        }
        case 't': return word("true", out, true);
        case 'f': return word("false", out, false);
        case 'n': return word("null", out, {});
        default: return number(out);
        }
    }
    bool at_end() {
        skip_space();
        return left_.empty();
    }

private:
    void skip_space() {
        const std::size_t n = left_.find_first_not_of(" \t\r\n");
        left_.remove_prefix(n == std::string_view::npos ? left_.size() : n);
    }
    bool take(char c) {
        skip_space();
        if (!left_.starts_with(c)) return false;
        left_.remove_prefix(1);
        return true;
    }
    bool word(std::string_view expected, json& out, json meaning) {
        if (!left_.starts_with(expected)) return false;
        left_.remove_prefix(expected.size());
        out = std::move(meaning);
        return true;
    }
    // Google Benchmark writes NaN and Infinity, and others read it.
    bool number(json& out) {
        const std::string_view digits = left_.substr(left_.starts_with('-') ? 1 : 0);
        const bool begins = !digits.empty() && digits.front() >= '0' && digits.front() <= '9';
        if (!begins && !digits.starts_with("NaN") && !digits.starts_with("Infinity")) return false;
        double value = 0;
        const auto end = std::from_chars(left_.data(), left_.data() + left_.size(), value);
        if (end.ec != std::errc{}) return false;
        left_.remove_prefix(static_cast<std::size_t>(end.ptr - left_.data()));
        out = value;
        return true;
    }
    bool string(std::string& out) {
        left_.remove_prefix(1);
        while (!left_.empty()) {
            const char c = left_.front();
            left_.remove_prefix(1);
            if (c == '"') return true;
            if (c != '\\') {
                out += c;
            } else if (!escape(out)) {
                return false;
            }
        }
        return false;
    }
    bool escape(std::string& out) {
        if (left_.empty()) return false;
        const char c = left_.front();
        left_.remove_prefix(1);
        switch (c) {
        case 'n': out += '\n'; return true;
        case 't': out += '\t'; return true;
        case 'r': out += '\r'; return true;
        case 'b': out += '\b'; return true;
        case 'f': out += '\f'; return true;
        case 'u': return code_point(out);
        default: out += c; return c == '"' || c == '\\' || c == '/';
        }
    }
    // Of the basic plane; what benchmarks write has no other.
    bool code_point(std::string& out) {
        unsigned code = 0;
        if (left_.size() < 4) return false;
        const auto end = std::from_chars(left_.data(), left_.data() + 4, code, 16);
        if (end.ec != std::errc{} || end.ptr != left_.data() + 4) return false;
        left_.remove_prefix(4);
        const auto byte = [&](unsigned b) { out += static_cast<char>(b); };
        if (code < 0x80) {
            byte(code);
        } else if (code < 0x800) {
            byte(0xc0 | code >> 6);
            byte(0x80 | (code & 0x3f));
        } else {
            byte(0xe0 | code >> 12);
            byte(0x80 | (code >> 6 & 0x3f));
            byte(0x80 | (code & 0x3f));
        }
        return true;
    }
    bool array(json& out, unsigned depth) {
        out = json::array{};
        left_.remove_prefix(1);
        if (take(']')) return true;
        do {
            json item;
            if (!value(item, depth + 1)) return false;
            out.add(std::move(item));
        } while (take(','));
        return take(']');
    }
    bool object(json& out, unsigned depth) {
        out = json::object{};
        left_.remove_prefix(1);
        if (take('}')) return true;
        do {
            std::string name;
            json member;
            skip_space();
            if (!left_.starts_with('"') || !string(name) || !take(':') || !value(member, depth + 1))
                return false;
            out.set(std::move(name), std::move(member));
        } while (take(','));
        return take('}');
    }

    std::string_view left_;
};

} // namespace

double json::number(double otherwise) const {
    const double* const held = std::get_if<double>(&value_);
    return held != nullptr ? *held : otherwise;
}
bool json::boolean(bool otherwise) const {
    const bool* const held = std::get_if<bool>(&value_);
    return held != nullptr ? *held : otherwise;
}
const std::string& json::text() const {
    return held_or_empty<std::string>(value_);
}
const json::array& json::items() const {
    return held_or_empty<array>(value_);
}
const json::object& json::members() const {
    return held_or_empty<object>(value_);
}
const json& json::operator[](std::string_view name) const {
    static const json null;
    for (const member& m : members())
        if (m.first == name) return m.second;
    return null;
}

void json::set(std::string name, json value) {
    if (is_null()) value_ = object{};
    auto& members = std::get<object>(value_);
    const auto found = std::ranges::find(members, name, &member::first);
    if (found != members.end())
        found->second = std::move(value);
    else
        members.emplace_back(std::move(name), std::move(value));
}
void json::add(json value) {
    if (is_null()) value_ = array{};
    std::get<array>(value_).push_back(std::move(value));
}

std::string json::write() const {
    std::string out;
    write(out, 0);
    return out;
}

void json::write(std::string& out, std::size_t depth) const {
    const auto line = [&](std::size_t indent, bool first) {
        out += first ? "\n" : ",\n";
        out.append(2 * indent, ' ');
    };
    if (const auto* text = std::get_if<std::string>(&value_)) {
        write_text(out, *text);
    } else if (const auto* number = std::get_if<double>(&value_)) {
        write_number(out, *number);
    } else if (const auto* truth = std::get_if<bool>(&value_)) {
        out += *truth ? "true" : "false";
    } else if (const auto* list = std::get_if<array>(&value_)) {
        out += '[';
        for (const json& item : *list) {
            line(depth + 1, &item == list->data());
            item.write(out, depth + 1);
        }
        if (!list->empty()) line(depth, true);
        out += ']';
    } else if (const auto* fields = std::get_if<object>(&value_)) {
        out += '{';
        for (const member& m : *fields) {
            line(depth + 1, &m == fields->data());
            write_text(out, m.first);
            out += ": ";
            m.second.write(out, depth + 1);
        }
        if (!fields->empty()) line(depth, true);
        out += '}';
    } else {
        out += "null";
    }
}

std::optional<json> json::read(std::string_view text) {
    reader from{text};
    json out;
    if (!from.value(out) || !from.at_end()) return std::nullopt;
    return out;
}

} // namespace bench
