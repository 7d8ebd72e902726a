/// Whoever finds connections for calls.
package protocol ClientCallRouter: AnyObject {
  /// The server has certainly not looked at the call: it may be given to a connection again. False: it ends with the status.
  func callRefused(_ call: ClientCall) -> Bool
  /// The call has ended. Its handler is told after this.
  func callEnded(_ call: ClientCall)
}
