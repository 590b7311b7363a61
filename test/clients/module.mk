# Tests of foreign clients, which check-all runs as scripts.
EXTRA_DIST += test/clients/common.sh test/clients/kcat.sh \
	test/clients/console.sh test/clients/java.sh test/clients/java_fetch.sh \
	test/clients/java/pom.xml test/clients/java/Check.java \
	test/clients/java/Main.java test/clients/java/Records.java \
	test/clients/java/Topics.java
