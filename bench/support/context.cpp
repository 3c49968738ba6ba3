// support/context.cpp - see the header.
// SPDX-License-Identifier: BSL-1.0
#include "support/context.hpp"

#include "support/build_info.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <sstream>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>

namespace bench {

namespace {

std::string first_line(const std::string& path) {
    std::ifstream in(path);
    std::string line;
    std::getline(in, line);
    return line;
}

std::string cpuinfo(const std::string& key) {
    std::ifstream in("/proc/cpuinfo");
    for (std::string line; std::getline(in, line);)
        if (line.starts_with(key)) {
            const std::size_t at = line.find_first_not_of(" \t:", key.size());
            return at == std::string::npos ? "" : line.substr(at);
        }
    return {};
}

std::string date() {
    char text[40] = "";
    char zone[8] = ""; // +0100, which is to be +01:00
    const std::time_t now = std::time(nullptr);
    std::tm local{};
    localtime_r(&now, &local);
    std::strftime(text, sizeof text, "%FT%T", &local);
    std::strftime(zone, sizeof zone, "%z", &local);
    return std::string(text) + std::string(zone, 3) + ':' + (zone + 3);
}

// "0-3,8" is five processors.
unsigned count_of_list(const std::string& text) {
    unsigned count = 0;
    std::istringstream in(text);
    for (std::string part; std::getline(in, part, ',');) {
        unsigned first = 0;
        unsigned last = 0;
        const int read = std::sscanf(part.c_str(), "%u-%u", &first, &last);
        if (read > 0) count += read == 2 ? last - first + 1 : 1;
    }
    return count;
}

json caches() {
    json out{json::array{}};
    for (int i = 0; i != 8; ++i) {
        const std::string at = "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(i) + '/';
        const std::string size = first_line(at + "size");
        if (size.empty()) break;
        json one;
        one.set("type", first_line(at + "type"));
        one.set("level", std::atoi(first_line(at + "level").c_str()));
        one.set("size", std::atol(size.c_str()) * (size.ends_with('M') ? 1 << 20 : 1 << 10));
        one.set("num_sharing", count_of_list(first_line(at + "shared_cpu_list")));
        out.add(std::move(one));
    }
    return out;
}

json load() {
    json out{json::array{}};
    double average[3]{};
    const int n = getloadavg(average, 3);
    for (int i = 0; i < n; ++i)
        out.add(average[i]);
    return out;
}

// "always [madvise] never" is madvise.
std::string chosen_of(const std::string& choices) {
    const std::size_t open = choices.find('[');
    const std::size_t close = choices.find(']');
    return close == std::string::npos ? choices : choices.substr(open + 1, close - open - 1);
}

bool frequency_varies() {
    const std::string governor = first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    return !governor.empty() && governor != "performance";
}

// Of this process and of its children that ended.
double own_seconds() {
    double sum = 0;
    for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
        rusage used{};
        getrusage(who, &used);
        for (const timeval& t : {used.ru_utime, used.ru_stime})
            sum += static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    }
    return sum;
}

} // namespace

machine_watch::machine_watch() : begin_(read_machine()), own_begin_(own_seconds()) {}

machine_watch::times machine_watch::read_machine() {
    std::istringstream in(first_line("/proc/stat"));
    std::string cpu;
    in >> cpu;
    times sum;
    double ticks = 0;
    for (int field = 0; field != 8 && in >> ticks;
         ++field) { // user nice system idle iowait irq softirq steal
        sum.all += ticks;
        if (field == 3 || field == 4) sum.idle += ticks;
    }
    const auto rate = static_cast<double>(sysconf(_SC_CLK_TCK));
    return {sum.all / rate, sum.idle / rate};
}

double machine_watch::taken_by_others() const {
    const times now = read_machine();
    const double all = now.all - begin_.all;
    const double others = all - (now.idle - begin_.idle) - (own_seconds() - own_begin_);
    return all <= 0 || others < 0 ? 0 : others / all;
}

json context_of(const std::string& executable) {
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    json out;
    out.set("date", date());
    out.set("host_name", host);
    out.set("executable", executable);
    out.set("num_cpus", std::thread::hardware_concurrency());
    out.set("mhz_per_cpu", std::atoi(cpuinfo("cpu MHz").c_str()));
    out.set("cpu_scaling_enabled", frequency_varies());
    out.set("caches", caches());
    out.set("load_avg", load());
    out.set("library_build_type", this_build.is_optimised ? "release" : "debug");
    out.set("json_schema_version", 1);
    out.set("cpu_model", cpuinfo("model name"));
    out.set("compiler", this_build.compiler);
    out.set("compiler_flags", this_build.flags);
    out.set("commit", this_build.commit);
    out.set("transparent_huge_pages", chosen_of(first_line("/sys/kernel/mm/transparent_hugepage/enabled")));
    out.set("taken_by_others", 0);
    out.set("interrupted", false);
    return out;
}

void add_course(json& context, const machine_watch& watch, bool interrupted) {
    context.set("taken_by_others", watch.taken_by_others());
    context.set("interrupted", interrupted);
}

json common_context(const json& a, const json& b) {
    json out{json::object{}};
    for (const auto& [name, value] : a.members()) {
        const json& other = b[name];
        if (other.is_null() || other == value)
            out.set(name, value);
        else if (name == "taken_by_others")
            out.set(name, std::max(value.number(), other.number()));
        else if (name == "interrupted" || name == "cpu_scaling_enabled")
            out.set(name, true);
        else if (name == "library_build_type")
            out.set(name, "debug");
        else if (!value.text().empty())
            out.set(name, value.text() + " | " + other.text());
        else
            out.set(name, value);
    }
    for (const auto& [name, value] : b.members())
        if (a[name].is_null()) out.set(name, value);
    return out;
}

std::string warnings_of(const json& context) {
    std::string out;
    if (const double others = context["taken_by_others"].number(); others > busy_limit) {
        char text[120];
        std::snprintf(text, sizeof text,
                      "the machine was busy: %.0f %% of its processor time went to others\n", 100 * others);
        out += text;
    }
    if (context["cpu_scaling_enabled"].boolean()) out += "the processors change their frequency\n";
    if (context["library_build_type"].text() == "debug")
        out += "this is a debug build: the compiler optimised nothing\n";
    if (context["interrupted"].boolean()) out += "the run was interrupted: these are parts of the results\n";
    return out;
}

} // namespace bench
