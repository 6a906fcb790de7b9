// Package protoyaml decodes YAML or JSON text into a protobuf message, strictly,
// and reports every fault at once with its position.
//
//	var file freshetv1.PolicyFile
//	positions, faults := protoyaml.Decode(data, &file)
//	for _, f := range faults {
//		fmt.Printf("policy.yaml:%v\n", f) // policy.yaml:7:5: methods[0].policy: unknown field "cach", did you mean "cache"?
//	}
//	line := positions["methods[0].policy.cache.groups[1]"].Line
//
// The mapping is protobuf's JSON mapping: whatever protojson.Unmarshal accepts
// of JSON is accepted with an equal message, but for the types named below and
// for enum numbers without a name. Beyond it: a google.protobuf.Duration may be
// written as Go writes one ("5m", "250ms") or as its fields ({seconds: 60}), and
// comments and block style are YAML's.
//
// Strict means that a fault is reported for an unknown or repeated field, a
// value of another type (a number where a string is wanted wants quotes), a
// number out of range, and everything of YAML that lets one text stand for
// another: anchors, aliases, merge keys, tags, several documents. Maps, bytes,
// groups and the other well-known types are refused by name, since no policy has
// them. A text is at most [MaxBytes] long and [MaxDepth] deep.
//
// Text that is valid JSON is read by JSON's grammar, since YAML parsers refuse
// some of it (surrogate escapes, keys over 1,024 characters); anything else by
// YAML's. A text that neither grammar reads is one fault. No text makes Decode
// panic.
package protoyaml
