import Jobs
import Wire

/// A job as a worker was given it. An object, so that it is passed around for one reference.
package final class Assignment: Sendable {
  package let given: Wire.Assignment

  package init(_ given: Wire.Assignment) { self.given = given }
}
