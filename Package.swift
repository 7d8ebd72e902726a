// swift-tools-version: 6.2
import PackageDescription

/// Every Swift target is built in language mode 6, under strict memory safety, with warnings as errors.
let strict: [SwiftSetting] = [
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
]

/// Tests may use pointers without saying `unsafe`: they are not shipped.
let lenient: [SwiftSetting] = [.treatAllWarnings(as: .error)]

let nio: [Target.Dependency] = [
  .product(name: "NIOCore", package: "swift-nio"),
  .product(name: "NIOPosix", package: "swift-nio"),
  .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
]
let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")

func module(_ name: String, _ dependencies: [Target.Dependency], path: String? = nil) -> Target {
  .target(name: name, dependencies: dependencies, path: path, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
  .testTarget(
    name: name + "Tests", dependencies: dependencies + ["Support"], path: "Tests/" + name,
    exclude: exclude, swiftSettings: lenient)
}

/// protoc-c's output, see Scripts/generate.
func generated(_ name: String) -> Target {
  .target(
    name: name, dependencies: ["CProtobufC"], path: "Generated/" + name, publicHeadersPath: ".",
    cSettings: [.headerSearchPath(".")])
}

let package = Package(
  name: "gkick",
  platforms: [.macOS(.v26)],
  products: [
    .library(name: "GKick", targets: ["GKick"]),
    .library(name: "GKickTesting", targets: ["GKickTesting"]),
    .executable(name: "gkick", targets: ["CommandLineTool"]),
    .executable(name: "rpc-interop-server", targets: ["InteropServer"]),
    .executable(name: "rpc-bench-server", targets: ["RPCBenchServer"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: []),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.1.0"),
    .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.0"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0", traits: []),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.0"),
  ],
  targets: [
    .systemLibrary(name: "CNghttp2"),
    .systemLibrary(name: "CProtobufC"),
    .systemLibrary(name: "CHiredis"),
    .systemLibrary(name: "CSQLite"),
    .systemLibrary(name: "CPostgres"),
    .systemLibrary(name: "CMariaDB"),
    .systemLibrary(name: "CZlib"),
    .systemLibrary(name: "CMalloc"),
    .systemLibrary(name: "CSpawn"),
    .systemLibrary(name: "CAsyncIO"),

    generated("GKickProtos"),
    generated("GRPCProtos"),
    generated("InteropProtos"),

    // protoc-gen-swift's output: what JSON is made of, see Scripts/generate.
    .target(
      name: "GKickMessages", dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")],
      path: "Generated/GKickMessages", exclude: ["SOURCES"]),

    // The same for OpenTelemetry's messages.
    .target(
      name: "OTLPMessages", dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")],
      path: "Generated/OTLPMessages", exclude: ["SOURCES"]),

    module("HTTP2", ["CNghttp2", .product(name: "NIOCore", package: "swift-nio")]),
    module("RPC", ["HTTP2", "CZlib", .product(name: "NIOCore", package: "swift-nio")]),
    module(
      "RPCTransport",
      [
        "RPC", "HTTP2", "CMalloc", log, .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "NIOTLS", package: "swift-nio"),
      ] + nio),
    module("Protobuf", []),
    module(
      "RPCServices",
      ["RPC", "Protobuf", "GRPCProtos", "CProtobufC", .product(name: "NIOCore", package: "swift-nio")]),
    module("Jobs", []),
    module("Access", ["Jobs", .product(name: "Crypto", package: "swift-crypto")]),
    module("WebTokens", ["Access", "Jobs", .product(name: "JWTKit", package: "jwt-kit")]),
    module("Backlog", ["Jobs"]),
    module("Engine", ["Backlog", "Jobs"]),
    module("MemoryStorage", ["Jobs"]),
    module("SQLiteStorage", ["Jobs", "CSQLite", "CMalloc", "CAsyncIO"]),
    .target(
      name: "RedisStorage", dependencies: ["Jobs", "CHiredis"], resources: [.embedInCode("Scripts")],
      swiftSettings: strict),
    module("SQLRecords", ["Jobs"]),
    .target(
      name: "PostgresStorage", dependencies: ["Jobs", "SQLRecords", "CPostgres"], resources: [.embedInCode("Scripts")],
      swiftSettings: strict),
    .target(
      name: "MySQLStorage", dependencies: ["Jobs", "SQLRecords", "CMariaDB"], resources: [.embedInCode("Scripts")],
      swiftSettings: strict),
    module("Wire", ["Jobs", "Protobuf", "GKickProtos", "CProtobufC"]),
    module(
      "Services",
      ["RPC", "Wire", "Engine", "Backlog", "Jobs", "Access", .product(name: "NIOCore", package: "swift-nio")]),
    module(
      "Telemetry",
      ["RPC", "Wire", "Jobs", "OTLPMessages", .product(name: "SwiftProtobuf", package: "swift-protobuf")]),
    module(
      "GKick",
      [
        "RPCTransport", "RPC", "Wire", "Jobs", log, lifecycle,
        .product(name: "Metrics", package: "swift-metrics"),
        .product(name: "Tracing", package: "swift-distributed-tracing"),
      ] + nio),
    module(
      "GKickTesting",
      [
        "GKick", "Services", "Engine", "MemoryStorage", "RPC", "RPCTransport", "Wire", "Jobs", log,
        .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
      ]),
    .target(
      name: "Gateway",
      dependencies: [
        "RPC", "GKickMessages", .product(name: "SwiftProtobuf", package: "swift-protobuf"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOHTTP2", package: "swift-nio-http2"),
        .product(name: "NIOHPACK", package: "swift-nio-http2"), .product(name: "NIOTLS", package: "swift-nio"),
        .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
        .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
        .product(name: "NIOHTTPTypesHTTP2", package: "swift-nio-extras"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"), log, lifecycle,
      ] + nio,
      resources: [.embedInCode("Page")], swiftSettings: strict),
    .executableTarget(
      name: "CommandLineTool",
      dependencies: [
        "HTTP2", "RPC", "RPCTransport", "RPCServices", "Jobs", "Engine", "MemoryStorage", "SQLiteStorage",
        "RedisStorage", "PostgresStorage", "MySQLStorage", "Wire", "Services", "Access", "WebTokens", "Gateway",
        "Telemetry", "GKick",
        "GKickProtos",
        "CSpawn", log, lifecycle,
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Histogram", package: "hdrhistogram-swift"),
        .product(name: "Configuration", package: "swift-configuration"), .product(name: "Yams", package: "Yams"),
      ] + nio,
      swiftSettings: strict),

    // What only tests decode: the server reads messages where they lie.
    .target(
      name: "DecodedMessages", dependencies: ["Protobuf", "CProtobufC"], path: "Tests/DecodedMessages",
      swiftSettings: strict),
    .target(name: "Unsteady", dependencies: ["Jobs"], path: "Tests/Unsteady", swiftSettings: lenient),
    .target(
      name: "SimulatedWorld",
      dependencies: ["Engine", "Backlog", "Jobs", "MemoryStorage", "SQLiteStorage", "Unsteady"],
      path: "Tests/Simulation/World", swiftSettings: lenient),
    .target(
      name: "Support", dependencies: ["Jobs", "Unsteady", "MemoryStorage"],
      path: "Tests/Support",
      swiftSettings: lenient),
    .executableTarget(
      name: "InteropServer",
      dependencies: [
        "RPC", "RPCTransport", "RPCServices", "Protobuf", "DecodedMessages", "InteropProtos", "CProtobufC", log,
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ] + nio,
      path: "Tests/InteropServer", exclude: ["Protos"], swiftSettings: strict),
    // Killed by the embedded store's tests.
    .executableTarget(
      name: "StoreCrasher", dependencies: ["SQLiteStorage", "Jobs"], path: "Tests/StoreCrasher", swiftSettings: strict),
    .executableTarget(
      name: "redis-storage-benchmark", dependencies: ["RedisStorage", "Jobs"], path: "Benchmarks/redis",
      exclude: ["run", "fronts", "fronts.py"], swiftSettings: strict),
    .executableTarget(
      name: "sql-benchmark", dependencies: ["PostgresStorage", "MySQLStorage", "Jobs"], path: "Benchmarks/sql",
      exclude: ["run", "hour", "servers", "procrastinate"],
      swiftSettings: strict),
    .executableTarget(
      name: "store-benchmark", dependencies: ["SQLiteStorage", "Jobs"], path: "Benchmarks/store",
      swiftSettings: strict),
    .executableTarget(
      name: "engine-benchmark", dependencies: ["Engine", "Backlog", "SQLiteStorage", "MemoryStorage", "Jobs"],
      path: "Benchmarks/engine",
      swiftSettings: strict),
    .executableTarget(
      name: "flow-benchmark", dependencies: ["Engine", "Backlog", "SQLiteStorage", "Jobs"], path: "Benchmarks/flow",
      exclude: ["run"], swiftSettings: strict),
    .executableTarget(
      name: "worker-benchmark",
      dependencies: ["GKick", log], path: "Benchmarks/worker", exclude: ["run"], swiftSettings: strict),
    .executableTarget(
      name: "RPCBenchServer", dependencies: ["RPC", "RPCTransport", log] + nio, path: "Benchmarks/rpc/Server",
      swiftSettings: strict),
    // Examples/swift has a manifest of its own, for its readers; here its sources are built and tested with the rest.
    .executableTarget(
      name: "Mailer", dependencies: ["GKick", log, lifecycle], path: "Examples/swift/Sources/Mailer",
      swiftSettings: strict),
    .executableTarget(
      name: "Workflow", dependencies: ["GKick", log, lifecycle], path: "Examples/swift/Sources/Workflow",
      swiftSettings: strict),
    .testTarget(
      name: "MailerTests", dependencies: ["Mailer", "GKickTesting"], path: "Examples/swift/Tests/MailerTests",
      swiftSettings: lenient),
    tests("HTTP2", ["HTTP2", .product(name: "NIOCore", package: "swift-nio")], exclude: ["Corpus"]),
    tests(
      "RPC", ["RPC", "HTTP2", .product(name: "NIOEmbedded", package: "swift-nio")] + nio, exclude: ["Corpus"]),
    tests(
      "RPCTransport",
      [
        "RPCTransport", "RPC", .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
      ] + nio),
    tests("Protobuf", ["Protobuf", "DecodedMessages", "GRPCProtos"]),
    tests(
      "RPCServices",
      [
        "RPCServices", "RPC", "Protobuf", "DecodedMessages", "GRPCProtos",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ]),
    tests("Jobs", ["Jobs"], exclude: ["Corpus"]),
    tests("Access", ["Access", "Jobs"]),
    tests(
      "WebTokens",
      ["WebTokens", "Access", "Jobs", .product(name: "JWTKit", package: "jwt-kit")]),
    tests("Backlog", ["Backlog", "Jobs", "MemoryStorage"]),
    tests("Engine", ["Engine", "Backlog", "Jobs", "MemoryStorage"]),
    tests("MemoryStorage", ["MemoryStorage", "Jobs"]),
    tests(
      "SQLiteStorage", ["SQLiteStorage", "CSQLite", "StoreCrasher", "MemoryStorage", "Jobs"], exclude: ["Fixtures"]),
    tests("RedisStorage", ["RedisStorage", "Jobs"]),
    tests("SQLRecords", ["SQLRecords", "Jobs"]),
    tests("PostgresStorage", ["PostgresStorage", "SQLRecords", "Jobs"]),
    tests("MySQLStorage", ["MySQLStorage", "SQLRecords", "Jobs"]),
    tests("Wire", ["Wire", "Jobs"]),
    tests(
      "Services",
      [
        "Services", "Access", "RPC", "RPCTransport", "Wire", "Engine", "Backlog", "Jobs", "MemoryStorage", log,
        .product(name: "NIOEmbedded", package: "swift-nio"),
      ] + nio),
    tests(
      "GKick",
      [
        "GKick", "GKickTesting", "Jobs", "Wire", "Services", "Engine", "MemoryStorage", "RPC", "RPCTransport", log,
        lifecycle, .product(name: "MetricsTestKit", package: "swift-metrics"),
        .product(name: "Metrics", package: "swift-metrics"),
        .product(name: "Tracing", package: "swift-distributed-tracing"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
      ] + nio),
    tests("GKickTesting", ["GKick", "GKickTesting"]),
    tests(
      "CommandLineTool",
      [
        "CommandLineTool", "Jobs", "Engine", "RPC", "RPCTransport", "Gateway", log,
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ] + nio),
    tests(
      "Gateway",
      [
        "Gateway", "RPC", log, .product(name: "NIOEmbedded", package: "swift-nio"),
        .product(name: "HTTPTypes", package: "swift-http-types"), .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOHTTP2", package: "swift-nio-http2"), .product(name: "NIOHPACK", package: "swift-nio-http2"),
        .product(name: "NIOHTTPTypes", package: "swift-nio-extras"), .product(name: "NIOTLS", package: "swift-nio"),
      ] + nio),
    tests(
      "Telemetry",
      ["Telemetry", "OTLPMessages", "RPC", "Wire", "Jobs", .product(name: "SwiftProtobuf", package: "swift-protobuf")]),
    // Scripts/simulate builds the program, in a package of its own.
    tests("Simulation", ["SimulatedWorld"], exclude: ["World", "Program", "planted"]),
  ],
  swiftLanguageModes: [.v6]
)
