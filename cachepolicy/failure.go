package cachepolicy

// DefiniteFailure reports whether a call's status code, by gRPC's numbers, says
// that a write had no effect, so that nothing has become untrue: INVALID_ARGUMENT,
// NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED, FAILED_PRECONDITION,
// OUT_OF_RANGE, UNIMPLEMENTED and UNAUTHENTICATED. OK is no failure, and after any
// other error the write may have been applied, or may be yet.
//
// Clients and servers must go by the same rule, or an invalidation that one of
// them leaves to the other is lost. RFC 9111 section 4.4 has none for errors:
// HTTP does not know the doubt.
func DefiniteFailure(code uint32) bool {
	switch code {
	case 3, 5, 6, 7, 9, 11, 12, 16: // in the order named above
		return true
	}
	return false
}
