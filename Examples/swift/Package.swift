// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "mailer",
  platforms: [.macOS(.v26)],
  dependencies: [
    // In your own package: .package(url: "…", from: "…")
    .package(name: "gkick", path: "../.."),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
  ],
  targets: [
    .executableTarget(
      name: "Mailer",
      dependencies: [
        .product(name: "GKick", package: "gkick"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ]),
    .executableTarget(
      name: "Workflow",
      dependencies: [
        .product(name: "GKick", package: "gkick"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ]),
    .testTarget(
      name: "MailerTests",
      dependencies: ["Mailer", .product(name: "GKickTesting", package: "gkick")]),
  ]
)
