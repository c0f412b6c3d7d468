// Text in JSON: what a run tells of itself.
// Knows brackets, commas and quotes; does not know what is told.
#pragma once
#include "htp_types.hpp"

#include <string>

namespace htp {

/// JSON with commas in the right places.
class Json {
public:
    std::string text;

    Json& open(const char* name, char bracket) { return begin(name), text += bracket, first = true, *this; }
    Json& close(char bracket) { return text += bracket, first = false, *this; }
    Json& number(const char* name, i64 value) { return begin(name), text += std::to_string(value), *this; }
    Json& string(const char* name, const char* value) {
        begin(name);
        text += '"';
        for (; *value; value++) {
            if (*value == '"' || *value == '\\') text += '\\';
            if ((unsigned char)*value >= 0x20) text += *value;
        }
        text += '"';
        return *this;
    }
    Json& run(i64 worker, i64 submit, i64 start, i64 end) {
        open("", '{').number("worker", worker).number("submit", submit).number("start", start).number("end", end);
        return close('}');
    }

private:
    bool first = true;
    void begin(const char* name) {
        if (!first) text += ',';
        first = false;
        if (*name) text += '"', text += name, text += "\":";
    }
};

}  // namespace htp
