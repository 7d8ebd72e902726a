#!/bin/sh
# Builds ./main with what Debian packages (openjdk-17-jdk-headless libgrpc-java libprotobuf-java libguava-java libnetty-java
# libperfmark-java libgeronimo-annotation-1.3-spec-java protobuf-compiler-grpc-java-plugin); with Maven or Gradle you would take
# io.grpc:grpc-netty-shaded, grpc-protobuf, grpc-stub and their plugin for protoc.
set -e
cd "$(dirname "$0")"
mkdir -p .build/sources .build/classes
protoc -I ../../Protos --java_out=.build/sources --plugin=protoc-gen-grpc-java="$(command -v grpc_java_plugin)" --grpc-java_out=.build/sources \
  ../../Protos/gkick/v1/job.proto ../../Protos/gkick/v1/job_service.proto ../../Protos/gkick/v1/worker_service.proto
classpath=$(printf '%s:' /usr/share/java/grpc-*.jar /usr/share/java/protobuf.jar /usr/share/java/guava.jar /usr/share/java/netty*.jar \
  /usr/share/java/perfmark*.jar /usr/share/java/geronimo-annotation-1.3-spec.jar)
javac -nowarn -proc:none -d .build/classes -cp "$classpath" .build/sources/gkick/v1/*.java Main.java
printf '#!/bin/sh\nexec java -cp "%s:%s" Main "$@"\n' "$PWD/.build/classes" "$classpath" >main
chmod +x main
