# Tests of foreign clients, which check-all runs as scripts.
EXTRA_DIST += test/clients/common.sh test/clients/clients.sh \
	test/clients/kafka.sh test/clients/kcat.sh test/clients/groups.sh \
	test/clients/groups/judge.py test/clients/groups/schedule.py \
	test/clients/groups_coordinator.sh test/clients/groups_go.sh \
	test/clients/groups_java.sh \
	test/clients/groups_kcat.sh test/clients/groups_mixed.sh \
	test/clients/groups_node.sh test/clients/groups_python.sh \
	test/clients/groups_python_old.sh test/clients/members.sh \
	test/clients/console.sh test/clients/java.sh test/clients/java_fetch.sh \
	test/clients/java/pom.xml test/clients/java/Check.java \
	test/clients/java/Groups.java test/clients/java/Main.java \
	test/clients/java/Member.java test/clients/java/Records.java \
	test/clients/java/Topics.java \
	test/clients/go.sh test/clients/go/franz/main.go \
	test/clients/go/franz_member/main.go test/clients/go/sarama/main.go \
	test/clients/go/sarama_member/main.go \
	test/clients/node.sh test/clients/node/kafkajs.js \
	test/clients/node/member.js \
	test/clients/node/platformatic.mjs \
	test/clients/python.sh test/clients/python/aiokafka_client.py \
	test/clients/python/confluent.py test/clients/python/groups.py \
	test/clients/python/kafka_python.py \
	test/clients/python/kafka_python_old.py test/clients/python/member.py
