public import RPCTransport

/// Whom a client trusts, and how it shows who it is itself.
public typealias ClientTLS = RPCTransport.ClientTLS
