public import Unsteady

// Kept in a module of their own, since the simulation's program is built for release, where this one cannot be.
public typealias SeededGenerator = Unsteady.SeededGenerator
public typealias UnsteadyStorage = Unsteady.UnsteadyStorage
