# tree.awk - reads src/MODULES, test/tidy/allow and then sources; prints one
# line per violation: file:line: rule: what to do. Run by tree.sh.
#
# Variables: modules, allow: names of the first two files.

function complain_at(line, rule, text) {
    printf "%s:%d: %s: %s\n", FILENAME, line, rule, text
    bad = 1
}

function complain(rule, text) {
    complain_at(FNR, rule, text)
}

function room_of(path, parts) {
    return split(path, parts, "/") > 2 && parts[1] == "src" ? parts[2] : ""
}

# Shell patterns of libraries' headers as regular expressions.
function lib_headers(lib, pattern) {
    n_libs++
    lib_name[n_libs] = lib
    lib_pattern[n_libs] = "^(" pattern ")$"
}

BEGIN {
    lib_headers("isal", "isa-l.*[.]h|isa-l/.*[.]h|crc[.]h")
    lib_headers("xxhash", "xxhash[.]h|xxh3[.]h")
    lib_headers("uthash", "ut(hash|list|array|ringbuffer|stack|string)[.]h")
    lib_headers("uv", "uv[.]h|uv/.*[.]h")
    lib_headers("uring", "liburing[.]h|liburing/.*[.]h|linux/io_uring[.]h")
    lib_headers("zstd", "zstd.*[.]h|zdict[.]h")
    lib_headers("lz4", "lz4.*[.]h")
    lib_headers("z", "zlib[.]h|zconf[.]h")
    lib_headers("snappy", "snappy.*[.]h")
    lib_headers("openssl", "openssl/.*")
    lib_headers("raft", "raft[.]h|raft/.*")
    lib_headers("sqlite3", "sqlite3.*[.]h")
    lib_headers("microhttpd", "microhttpd[.]h")
    lib_headers("jansson", "jansson.*[.]h")
    lib_headers("rdkafka", "librdkafka/.*")
    lib_headers("edit", "histedit[.]h|editline/.*")

    # Calls that only env/ may make (and cli/ and server/, where they talk to
    # people). A name after . or -> is somebody's member.
    n_calls = split("clock_gettime gettimeofday time nanosleep usleep sleep " \
        "open openat creat fopen freopen tmpfile mkstemp socket connect " \
        "accept accept4 bind listen recv send sendto recvfrom pread pwrite " \
        "preadv pwritev fsync fdatasync rename unlink mkdir opendir " \
        "pthread_create fork system popen getenv signal sigaction kill " \
        "malloc calloc realloc reallocarray free strdup strndup asprintf " \
        "vasprintf abort exit _exit _Exit quick_exit rand srand random " \
        "srandom drand48 getrandom getentropy printf vprintf puts putchar " \
        "fprintf vfprintf fputs fputc perror", call)
    for (i = 1; i <= n_calls; i++) {
        is_call[call[i]] = 1
    }
}

# ---- the two tables ---------------------------------------------------------

FILENAME == modules {
    sub(/#.*/, "")
    if (NF == 0) {
        next
    }
    room = $1
    sub(/:$/, "", room)
    known[room] = 1
    for (i = 2; i <= NF; i++) {
        if ($i ~ /^lib=/) {
            n = split(substr($i, 5), words, ",")
            for (j = 1; j <= n; j++) {
                may_lib[room, words[j]] = 1
            }
        } else {
            may_use[room, $i] = 1
        }
    }
    next
}

FILENAME == allow {
    if ($1 != "" && $1 !~ /^#/) {
        allowed[$1, $2, $3] = 1
    }
    next
}

# ---- per file ---------------------------------------------------------------

FNR == 1 {
    file_end()
    file = FILENAME
    room = room_of(file)
    is_c = file ~ /[.][ch]$/
    in_src = file ~ /^src\//
    is_header = in_src && file ~ /[.]h$/
    strict = room != "" && room != "env" && room != "cli" && room != "server"
    in_comment = 0
    in_define = 0
    depth = 0
    documented = 0
    section = 0
    statement = ""
    n_guard = 0
    guard = toupper(file)
    sub(/^(SRC|INCLUDE)\//, "", guard)
    gsub(/[^A-Z0-9]/, "_", guard)
}

# After a file's last line, of which FNR and FILENAME know no more.
function file_end() {
    if (file == "" || !is_c) {
        return
    }
    if (in_src && file ~ /[.]c$/ && lines > 600) {
        printf "%s:%d: length: more than 600 lines: a noun is missing, " \
            "split it\n", file, lines
        bad = 1
    } else if (in_src && file ~ /[.]c$/ && lines > 400) {
        printf "%s:%d: warning: more than 400 lines\n", file, lines
    }
    if (is_header && n_guard < 2) {
        printf "%s:1: guard: begin with #ifndef %s, #define %s\n", file, \
            guard, guard
        bad = 1
    }
}

# The line without comments, and with the contents of strings taken out.
# had_comment: a comment ended in it.
function code_of(line, out, c) {
    out = ""
    had_comment = 0
    while (line != "") {
        if (in_comment) {
            c = index(line, "*/")
            if (c == 0) {
                return out
            }
            line = substr(line, c + 2)
            in_comment = 0
            had_comment = 1
            out = out " "
            continue
        }
        if (!match(line, /\/\*|\/\/|"|'/)) {
            return out line
        }
        out = out substr(line, 1, RSTART - 1)
        c = substr(line, RSTART, RLENGTH)
        line = substr(line, RSTART + RLENGTH)
        if (c == "//") {
            had_comment = 1
            return out
        } else if (c == "/*") {
            in_comment = 1
        } else {
            out = out c c
            if (c == "\"" && match(line, /^([^"\\]|\\.)*"/)) {
                line = substr(line, RLENGTH + 1)
            } else if (c == "'" && match(line, /^([^'\\]|\\.)*'/)) {
                line = substr(line, RLENGTH + 1)
            }
        }
    }
    return out
}

function check_include(line, header, target, i) {
    if (match(line, /"[^"]*"/)) {
        header = substr(line, RSTART + 1, RLENGTH - 2)
        target = header
        if (header == "ostraka.h" || header == "config.h") {
            return
        }
        if (!sub(/\/.*/, "", target) || !(target in known)) {
            complain("include", "\"" header "\": write \"room/file.h\"")
        } else if (target != room && !((room, target) in may_use) &&
                   !((room, "*") in may_use)) {
            complain("include", room "/ may not use " target \
                "/: see src/MODULES")
        }
        return
    }
    if (!match(line, /<[^>]*>/)) {
        return
    }
    header = substr(line, RSTART + 1, RLENGTH - 2)
    for (i = 1; i <= n_libs; i++) {
        if (header ~ lib_pattern[i] && !((room, lib_name[i]) in may_lib)) {
            complain("include", room "/ may not include <" header ">: " \
                lib_name[i] " belongs to another room, see src/MODULES")
        }
    }
    # The core is several files; its face to the others, core.h, is not one.
    if (header ~ /^raft([.]h|\/)/ && file !~ /^src\/raft\/core([.]c|_.*)$/) {
        complain("include", "only src/raft/core.c and core_* include <raft.h>")
    }
}

function check_calls(code, before, word) {
    while (match(code, /[A-Za-z_][A-Za-z0-9_]*[ ]*\(/)) {
        before = RSTART > 1 ? substr(code, RSTART - 1, 1) : " "
        word = substr(code, RSTART, RLENGTH)
        sub(/[ ]*\($/, "", word)
        if ((word in is_call) && before !~ /[.>0-9]/ &&
            !(("call", file, word) in allowed)) {
            complain("call", word "(): only env/ may; memory comes from " \
                "base/mem.h, time and files from env/, errors are returned")
        }
        code = substr(code, RSTART + RLENGTH)
    }
}

function check_guard(code, words) {
    if (n_guard >= 2 || code !~ /^[ ]*#/) {
        return
    }
    split(code, words, /[ ]+/)
    if (n_guard == 0 && words[1] == "#ifndef" && words[2] == guard) {
        n_guard = 1
    } else if (n_guard == 1 && words[1] == "#define" && words[2] == guard) {
        n_guard = 2
    } else if (n_guard == 0) {
        n_guard = -100
    }
}

# A header's prototypes stand below a comment without a blank line between,
# right after a section's title, or carry a comment on their line. Inline
# functions show what they do.
function check_documented(code, line, i, c) {
    if (in_define || code ~ /^[ ]*#/) {
        in_define = line ~ /\\$/
        return
    }
    if (line ~ /^[ ]*$/) {
        documented = section
        section = 0
        return
    }
    if (line ~ /^\/\* ----.*\*\/$/) {
        section = 1
    }
    if (had_comment && depth == 0) {
        documented = 1
    }
    if (depth == 0) {
        if (statement ~ /^ *$/) {
            began = FNR
        }
        statement = statement " " code
        if (statement ~ /[;{]/) {
            sub(/[;{].*/, "", statement)
            gsub(/__attribute__ *\(\(.*\)\)/, "", statement)
            if (statement ~ /[A-Za-z0-9_] *\(/ && !documented &&
                statement !~ /^[ ]*(typedef|static inline|_Static_assert)/) {
                complain_at(began, "comment", "say above this prototype what it does, " \
                    "who owns what and which errors there are")
            }
            statement = ""
        }
    }
    for (i = 1; i <= length(code); i++) {
        c = substr(code, i, 1)
        depth += c == "{" ? 1 : c == "}" ? -1 : 0
    }
    if (depth == 0 && code ~ /}/) {
        statement = ""
    }
}

function check_words(line, lower) {
    lower = " " tolower(line) " "
    line = " " line " "
    if (line ~ /[^A-Za-z0-9_](TODO|FIXME|XXX|HACK)[^A-Za-z0-9_]/ ||
        lower ~ /[^a-z0-9_](placeholders?|for now|stubs?)[^a-z0-9_]/) {
        complain("unfinished", "finish it, or say plainly what is not done")
    }
}

{
    lines = FNR
    # The words stand in the rules themselves, and in what their tests plant.
    if (file !~ /^test\/tidy\//) {
        check_words($0)
    }
    if (!is_c) {
        next
    }
    if ($0 ~ /\t/) {
        complain("tab", "indent by four blanks")
    }
    wide = $0
    gsub(/[\200-\277]/, "", wide)
    if (length(wide) > 80) {
        complain("width", "more than 80 columns: clang-format -i")
    }
    code = code_of($0)
    if (!in_src) {
        next
    }
    if (code ~ /^[ ]*#[ ]*include/) {
        check_include($0)
    }
    if (code ~ /^[ ]*#[ ]*(if|ifdef|ifndef|elif).*[^A-Za-z](UNIT_|FUZZ_)?TEST(S|ING|_|[^A-Za-z]|$)/) {
        complain("ifdef", "no conditional code for tests under src/")
    }
    if (strict) {
        check_calls(code)
    }
    if (is_header) {
        check_guard(code)
        check_documented(code, $0)
    }
}

END {
    file_end()
    exit bad
}
