# shellcheck shell=sh
# java_fetch.sh - sourced: fetch the Java client and compile the test of it;
# then $classpath holds all.
kept=$OSTRAKA_BUILD/test/clients/java
mkdir -p "$kept/classes" || exit 1
cp "$OSTRAKA_SRC/test/clients/java/pom.xml" "$kept/pom.xml"
if [ ! -f "$kept/classpath" ] || ! cmp -s "$kept/pom.xml" "$kept/pom.had"; then
    (cd "$kept" && mvn -q -B dependency:build-classpath \
        -Dmdep.outputFile=classpath) >"$kept/mvn.log" 2>&1 ||
        skip "mvn does not get the Java client: see $kept/mvn.log"
    cp "$kept/pom.xml" "$kept/pom.had"
fi
classpath=$(cat "$kept/classpath")
javac -Xlint:all,-path -Werror -cp "$classpath" -d "$kept/classes" \
    "$OSTRAKA_SRC"/test/clients/java/*.java || exit 1
classpath=$kept/classes:$classpath
