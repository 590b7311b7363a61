# Tests of foreign clients, which check-all runs as scripts.
EXTRA_DIST += test/clients/common.sh test/clients/clients.sh \
	test/clients/kcat.sh test/clients/groups.sh \
	test/clients/console.sh test/clients/java.sh test/clients/java_fetch.sh \
	test/clients/java/pom.xml test/clients/java/Check.java \
	test/clients/java/Groups.java test/clients/java/Main.java test/clients/java/Records.java \
	test/clients/java/Topics.java \
	test/clients/go.sh test/clients/go/franz/main.go \
	test/clients/go/sarama/main.go \
	test/clients/node.sh test/clients/node/kafkajs.js \
	test/clients/node/platformatic.mjs \
	test/clients/python.sh test/clients/python/aiokafka_client.py \
	test/clients/python/confluent.py test/clients/python/groups.py \
	test/clients/python/kafka_python.py \
	test/clients/python/kafka_python_old.py
