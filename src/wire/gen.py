#!/usr/bin/env python3
"""Turn src/wire/schema/*.txt into src/wire/gen/: structs and tables in C.

Only a development checkout needs it: what it writes is committed. With
--check it writes nothing and fails if a committed file is not what it would
write.

A schema has one file per API. A line is one of:

    # words                                     a comment
    request KEY NAME versions A-B [flexible F+] the message that follows
    response KEY NAME versions A-B [flexible F+]
    struct NAME {                               a struct used more than once
    FIELD TYPE VERSIONS [attributes] [{]        a field; { opens its struct
    }

VERSIONS is `3`, `3-7` or `3+`. TYPE is bool i8 i16 u16 i32 i64 f64 uuid string
bytes records rope, the name of a struct, or [] and one of these. Attributes,
in this order: `null V` (may be null from V on), `tag N V` (tagged with number
N from V on), `default X` (0, false, empty or zero otherwise), `ignorable` (a
value is dropped without an error by versions that have no such field).
Names are Kafka's; C's are made from them here and nowhere else.
"""

import os
import re
import sys

SCALARS = {
    "bool": "bool ", "i8": "int8_t ", "i16": "int16_t ", "u16": "uint16_t ",
    "i32": "int32_t ", "i64": "int64_t ", "f64": "double ",
    "uuid": "struct uuid ", "string": "struct slice ",
    "bytes": "struct slice ", "records": "struct slice ",
    "rope": "struct wire_rope ",
}
NUMBERS = {"i8": 8, "i16": 16, "u16": 17, "i32": 32, "i64": 64}
LAST = 127
DEPTH_MAX = 8


def snake(name):
    """GroupInstanceId -> group_instance_id."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


class Fault(Exception):
    """A schema that says something wrong, with its place."""


class Field:
    def __init__(self, name, array, kind, first, last):
        self.name, self.array, self.kind = name, array, kind
        self.first, self.last = first, last
        self.null = self.tag_from = self.tag = self.default = None
        self.ignorable = False
        self.sub = None
        self.c_name = snake(name)

    def by_pointer(self):
        return self.sub is not None and self.null is not None \
            and not self.array


class Struct:
    def __init__(self, name):
        self.name, self.fields = name, []


class Message:
    def __init__(self, word, key, name, low, high, flexible):
        self.word, self.key, self.name = word, key, name
        self.low, self.high, self.flexible = low, high, flexible
        self.root = Struct(None)
        self.structs = {}      # by name; filled as they close: inner first
        self.prefix = snake(name) + "_" + word

    def c_struct(self, struct):
        if struct.name is None:
            return self.prefix
        return self.prefix + "_" + snake(struct.name)


def versions(text, msg):
    m = re.fullmatch(r"(\d+)(?:-(\d+)|(\+))?", text)
    if not m:
        raise Fault("bad versions " + text)
    first = int(m[1])
    last = LAST if m[3] else int(m[2] or first)
    if not msg.low <= first <= msg.high or last < first:
        raise Fault("versions outside of the message's: " + text)
    if last != LAST and last >= msg.high:
        raise Fault("write %d+ for versions that last" % first)
    return first, last


def parse_default(field, text):
    kind = field.kind
    if text == "null":
        if field.null is None:
            raise Fault("default null, but never null")
        return "null"
    if field.array or kind not in list(NUMBERS) + ["bool"]:
        raise Fault("no default possible here")
    if kind == "bool":
        if text != "true":
            raise Fault("only `default true` makes sense")
        return 1
    value = int(text, 0)
    bits = NUMBERS[kind]
    low, high = (0, 65535) if kind == "u16" else \
        (-2 ** (bits - 1), 2 ** (bits - 1) - 1)
    if not low <= value <= high or value == 0:
        raise Fault("default does not fit or says nothing")
    return value


def parse_field(words, msg, stack):
    name, kind = words[0], words[1]
    if not re.fullmatch(r"[A-Z][A-Za-z0-9]*", name):
        raise Fault("bad name " + name)
    array = kind.startswith("[]")
    kind = kind[2:] if array else kind
    first, last = versions(words[2], msg)
    field = Field(name, array, kind, first, last)
    rest = words[3:]
    opens = bool(rest) and rest[-1] == "{"
    rest = rest[:-1] if opens else rest
    if rest and rest[0] == "null":
        field.null = versions(rest[1], msg)[0]
        if not rest[1].endswith("+") and field.last == LAST:
            raise Fault("null must last as long as the field")
        rest = rest[2:]
    if rest and rest[0] == "tag":
        field.tag = int(rest[1])
        field.tag_from = versions(rest[2], msg)[0]
        if msg.flexible is None or field.tag_from < msg.flexible:
            raise Fault("a tag in a version that is not flexible")
        rest = rest[3:]
    if rest and rest[0] == "default":
        field.default = parse_default(field, rest[1])
        rest = rest[2:]
    if rest and rest[0] == "ignorable":
        field.ignorable = True
        rest = rest[1:]
    if rest:
        raise Fault("cannot read " + " ".join(rest))
    if opens:
        if kind in SCALARS or kind in msg.structs:
            raise Fault("struct %s is there already" % kind)
        field.sub = Struct(kind)
    elif kind not in SCALARS:
        if kind not in msg.structs:
            raise Fault("no struct " + kind)
        field.sub = msg.structs[kind]
    owner = stack[-1]
    if any(f.c_name == field.c_name for f in owner.fields):
        raise Fault("twice: " + name)
    tags = [f.tag for f in owner.fields if f.tag is not None]
    if field.tag is not None and tags and field.tag <= tags[-1]:
        raise Fault("tags must ascend")
    owner.fields.append(field)
    if opens:
        stack.append(field.sub)
        if len(stack) > DEPTH_MAX:
            raise Fault("too deep")


def parse(path):
    messages, stack = [], []
    with open(path, encoding="ascii") as lines:
        for number, line in enumerate(lines, 1):
            words = line.split()
            try:
                if not words or words[0].startswith("#"):
                    continue
                if words[0] in ("request", "response"):
                    if len(stack) > 1:
                        raise Fault("a struct is still open")
                    m = re.fullmatch(
                        r"(request|response) (\d+) (\w+) versions (\d+)-(\d+)"
                        r"(?: flexible (\d+)\+)?", " ".join(words))
                    if not m:
                        raise Fault("bad head of a message")
                    messages.append(Message(
                        m[1], int(m[2]), m[3], int(m[4]), int(m[5]),
                        int(m[6]) if m[6] else None))
                    stack = [messages[-1].root]
                elif not stack:
                    raise Fault("a field before a message")
                elif words[0] == "struct" and len(stack) == 1:
                    stack.append(Struct(words[1]))
                elif words == ["}"]:
                    if len(stack) < 2:
                        raise Fault("nothing to close")
                    done = stack.pop()
                    if done.name in messages[-1].structs:
                        raise Fault("struct %s twice" % done.name)
                    messages[-1].structs[done.name] = done
                else:
                    parse_field(words, messages[-1], stack)
            except (Fault, IndexError, ValueError) as e:
                raise Fault("%s:%d: %s" % (path, number, e)) from e
    if len(stack) != 1 or [m.word for m in messages] != ["request", "response"]:
        raise Fault("%s: not one request and one response" % path)
    return messages


def c_member(msg, field):
    if field.sub is not None:
        c = "struct " + msg.c_struct(field.sub) + " "
    else:
        c = SCALARS[field.kind]
    if field.array:
        return ["    struct {", "        %s*ptr;" % c, "        uint32_t n;",
                "    } %s;" % field.c_name]
    return ["    %s%s%s;" % (c, "*" if field.by_pointer() else "",
                             field.c_name)]


def c_struct(msg, struct):
    out = ["struct %s {" % msg.c_struct(struct)]
    for field in struct.fields:
        out += c_member(msg, field)
    if not struct.fields:
        out.append("    char nothing; /* C has no empty structs */")
    return out + ["};", ""]


def decl(before, name, after):
    """A declaration, on two lines where one is too long."""
    line = before + " " + name + after
    return [line] if len(line) <= 80 else [before, "    " + name + after]


def table_row(msg, field):
    flags = [("WIRE_ARRAY", field.array),
             ("WIRE_NULLABLE", field.null is not None),
             ("WIRE_TAGGED", field.tag is not None),
             ("WIRE_IGNORABLE", field.ignorable),
             ("WIRE_DEFAULT_NULL", field.default == "null")]
    flags = [name for name, on in flags if on]
    kind = "STRUCT" if field.sub is not None else field.kind.upper()
    parts = ['.name = "%s"' % field.name,
             ".at = offsetof(T, %s)" % field.c_name,
             ".type = WIRE_%s" % kind]
    if field.sub is not None:
        parts.append(".sub = &wire_%s" % msg.c_struct(field.sub))
    if flags:
        parts.append(".flags = %s" % " | ".join(flags))
    if field.first:
        parts.append(".from = %d" % field.first)
    parts.append(".to = %s" % ("WIRE_LAST" if field.last == LAST
                               else field.last))
    if field.null:
        parts.append(".null_from = %d" % field.null)
    if field.tag is not None:
        parts += [".tag_from = %d" % field.tag_from, ".tag = %d" % field.tag]
    if isinstance(field.default, int):
        parts.append(".number = %d" % field.default)
    lines, line = [], "    {"
    for i, part in enumerate(parts):
        part += "}," if i == len(parts) - 1 else ","
        if i > 0 and len(line) + 1 + len(part) > 80:
            lines.append(line)
            line = "    "
        line += part if i == 0 else " " + part
    return lines + [line]


def c_table(msg, struct):
    name = msg.c_struct(struct)
    fields = msg.word + ("_" + snake(struct.name) if struct.name else "")
    out = ["#define T struct " + name]
    if struct.fields:
        out += decl("static const struct wire_field", fields, "[] = {")
        for field in struct.fields:
            out += table_row(msg, field)
        out.append("};")
    shape = "{%s, %d, sizeof(T)}" % (
        fields if struct.fields else "NULL", len(struct.fields))
    if struct.name is not None:
        out += decl("const struct wire_struct", "wire_" + name, " =")
        out.append("    %s;" % shape)
    else:
        out += decl("const struct wire_message", "wire_" + name, " = {")
        out += ['    .name = "%s",' % msg.name,
                "    .body = %s," % shape,
                "    .api_key = %d," % msg.key,
                "    .is_request = %s," % ("true" if msg.word == "request"
                                           else "false"),
                "    .version_min = %d," % msg.low,
                "    .version_max = %d," % msg.high,
                "    .flexible_from = %s," % (
                    "WIRE_LAST" if msg.flexible is None else msg.flexible),
                "};"]
    return out + ["#undef T", ""]


def banner(name, what):
    return ["/* %s - %s" % (name, what),
            " * Made by src/wire/gen.py from src/wire/schema: change that. */"]


def header(stem, messages):
    guard = "WIRE_GEN_%s_H" % stem.upper()
    out = banner(stem + ".h", "the structs of one API, and their tables.")
    out += ["#ifndef " + guard, "#define " + guard, "",
            '#include "wire/message.h"', ""]
    for msg in messages:
        for struct in msg.structs.values():
            out += c_struct(msg, struct)
        out += c_struct(msg, msg.root)
    for msg in messages:
        out += decl("extern const struct wire_message", "wire_" + msg.prefix,
                    ";")
        for struct in msg.structs.values():
            out += decl("extern const struct wire_struct",
                        "wire_" + msg.c_struct(struct), ";")
    return out + ["", "#endif"]


def source(stem, messages):
    out = banner(stem + ".c", "the tables of one API.")
    out += ['#include "wire/gen/%s.h"' % stem, "", "#include <stddef.h>", ""]
    for msg in messages:
        for struct in msg.structs.values():
            out += c_table(msg, struct)
        out += c_table(msg, msg.root)
    return out[:-1]


def index(apis):
    """All messages by key; and the list of sources for make."""
    out = banner("all.c", "every message that has a schema.")
    out += ['#include "wire/gen/all.h"', ""]
    out += ['#include "wire/gen/%s.h"' % stem
            for stem, _ in sorted(apis, key=lambda a: a[0])]
    rows = sorted((m.key, m) for _, messages in apis for m in messages
                  if m.word == "request")
    out += ["", "const struct wire_api_tables wire_all[] = {"]
    for _, m in rows:
        stem = snake(m.name)
        out += decl("    {&wire_%s_request," % stem,
                    "&wire_%s_response}," % stem, "")
    out += ["};", "",
            "const unsigned wire_all_n = sizeof wire_all / sizeof *wire_all;"]
    head = banner("all.h", "every message that has a schema, by API key.")
    head += ["#ifndef WIRE_GEN_ALL_H", "#define WIRE_GEN_ALL_H", "",
             '#include "wire/message.h"', "", "struct wire_api_tables {",
             "    const struct wire_message *request;",
             "    const struct wire_message *response;", "};", "",
             "extern const struct wire_api_tables wire_all[];",
             "extern const unsigned wire_all_n;", "", "#endif"]
    stems = [stem for stem, _ in apis]
    names = ["all.c", "all.h"] + [s + e for s in stems for e in (".c", ".h")]
    make = ["# Made by src/wire/gen.py.", "src_wire_libwire_a_SOURCES += \\"]
    make += ["    src/wire/gen/%s \\" % n for n in sorted(names)]
    make[-1] = make[-1][:-2]
    make += ["EXTRA_DIST += \\"]
    make += ["    src/wire/schema/%s.txt \\" % s for s in sorted(stems)]
    make[-1] = make[-1][:-2]
    return out, head, make


def generate(room):
    schemas = os.path.join(room, "schema")
    apis = []
    for name in sorted(os.listdir(schemas)):
        if name.endswith(".txt"):
            apis.append((name[:-4], parse(os.path.join(schemas, name))))
    files = {}
    keys = set()
    for stem, messages in apis:
        request, response = messages
        if (request.key, request.name) != (response.key, response.name) or \
                snake(request.name) != stem or request.key in keys:
            raise Fault(stem + ": key or name do not agree")
        keys.add(request.key)
        files[stem + ".h"] = header(stem, messages)
        files[stem + ".c"] = source(stem, messages)
    files["all.c"], files["all.h"], files["files.mk"] = index(apis)
    return {name: "\n".join(lines) + "\n" for name, lines in files.items()}


def main():
    room = os.path.dirname(os.path.abspath(__file__))
    gen = os.path.join(room, "gen")
    try:
        files = generate(room)
    except Fault as e:
        sys.exit("gen.py: %s" % e)
    stale = []
    for name in sorted(set(os.listdir(gen)) | set(files)):
        if name.startswith("."):
            continue
        path = os.path.join(gen, name)
        old = open(path, encoding="ascii").read() \
            if os.path.exists(path) else None
        if old == files.get(name):
            continue
        stale.append(name)
        if "--check" in sys.argv[1:]:
            continue
        if name in files:
            with open(path, "w", encoding="ascii") as f:
                f.write(files[name])
        else:
            os.remove(path)
    if stale and "--check" in sys.argv[1:]:
        sys.exit("gen.py: not up to date: %s; run src/wire/gen.py"
                 % ", ".join(stale))


if __name__ == "__main__":
    main()
