#!/bin/sh
# The properties files of three real hosts (contrib/examples): ostrakad takes
# each; they differ in their own node only; `ostraka dev` writes no setting that
# they do not have; and the README shows the first of them.
src=${srcdir:-.}
ostrakad=src/server/ostrakad
failures=0

complain()
{
    echo "$*"
    failures=1
}

# settings FILE: without comments.
settings()
{
    grep -v -e '^#' -e '^$' "$1"
}

# alike FILE: what all nodes have.
alike()
{
    settings "$1" | sed 's/^node\.id=.*/node.id=N/
        s/^\(advertised\.listeners=.*:\/\/\)n[1-3]\./\1nN./'
}

first=$src/contrib/examples/n1.properties
for n in 1 2 3; do
    file=$src/contrib/examples/n$n.properties
    "$ostrakad" --check-config -c "$file" >/dev/null ||
        complain "$file: ostrakad does not take it"
    settings "$file" | grep -qx "node.id=$n" || complain "$file: whose is it?"
    [ "$(alike "$file")" = "$(alike "$first")" ] ||
        complain "$file: differs from $first in more than its node"
done

# `dev` writes these: src/cli/dev_files.c: node_create().
written=$(sed -n '/^static int node_create/,/^}/s/.*settings_put_text(&s, "\([a-z.]*\)".*/\1/p' \
    "$src/src/cli/dev_files.c")
[ "$(printf '%s\n' "$written" | wc -l)" -ge 5 ] ||
    complain "src/cli/dev_files.c: no settings found: has their form changed?"
for key in $written; do
    settings "$first" | grep -q "^$key=" ||
        complain "dev writes $key, which $first does not have"
done

# shellcheck disable=SC2016 # Markdown's quotes
shown=$(sed -n '/^```properties$/,/^```$/p' "$src/README.md" | grep -v '```')
[ "$shown" = "$(settings "$first")" ] ||
    complain "README.md shows other settings than $first has"
exit $failures
