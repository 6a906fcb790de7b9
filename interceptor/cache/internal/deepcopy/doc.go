// Package deepcopy copies protobuf messages from one original many times, faster
// than decoding them would be.
//
//	var copier deepcopy.Copier
//	original := copier.Freeze(reply)   // once: a private, immutable copy
//	…
//	if original.Fits(msg) {
//		original.CopyTo(msg)       // msg is the caller's alone
//		original.ShareWith(msg)    // or: msg's submessages are the original's
//	}
//
// # How
//
// Two thirds of what decoding a nested message costs is asking for memory, one
// object at a time, and the garbage collection that follows. proto.Merge asks as
// often. A message type is therefore compiled, once, into a plan: which fields of
// its Go struct hold more than their own words. A copy is then the words of each
// struct, moved at once, and the plan's visits to what those words refer to. The
// original knows how many structs of each type it is made of, and a copy takes
// them in slabs of up to 16 of one type, whose last is no longer than it need be.
//
// Strings cannot be changed, and are shared. Everything else is copied.
//
// # What it costs
//
// Who keeps one submessage of a copy keeps its slab: up to 15 other structs of
// the same type, with all that they refer to. That is never more than the reply
// that it came in.
//
// # What is compiled
//
// The plan is made of the fields that the Go struct of a generated message has,
// as package reflect sees them, which the open API of protoc-gen-go makes public
// ([google.golang.org/protobuf] 1.36 marks it by a tag, protogen:"open.v1").
// Messages of another kind, wherever they stand, are copied by proto.Merge: those
// of the opaque API (whose fields may be decoded as late as they are read), those
// with extension ranges, dynamic messages, messages of other generators, and
// structs that embed a message. They are equal, and no faster than proto.Merge.
//
// Appending to a list must not write where another holder of the list would do
// the same. The lists of a compiled original have no room behind their last
// element, so that append moves them. That cannot be had of messages that
// proto.Merge made: where an original has one, it is not [Original.Shareable].
package deepcopy
