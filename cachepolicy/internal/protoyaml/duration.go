package protoyaml

import (
	"encoding/json"
	"time"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
)

// duration fills m, a google.protobuf.Duration that may be dynamic.
func (d *decoder) duration(n *yaml.Node, m protoreflect.Message, path string) bool {
	switch n.Kind {
	case yaml.AliasNode: // reported by refuse
		return false
	case yaml.MappingNode:
		return d.durationFields(n, m, path)
	}
	const wanted = `want a duration such as "60s", "1.5s", "250ms" or "5m", got %s`
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" {
		hint := ""
		if _, ok := number(n); ok {
			hint = ": write the unit"
		}
		d.fault(n, path, wanted+"%s", describe(n), hint)
		return false
	}
	v, ok := parseDuration(n.Value)
	if !ok {
		d.fault(n, path, wanted, describe(n))
		return false
	}
	fields := m.Descriptor().Fields()
	m.Set(fields.ByNumber(1), protoreflect.ValueOfInt64(v.GetSeconds()))
	m.Set(fields.ByNumber(2), protoreflect.ValueOfInt32(v.GetNanos()))
	return true
}

// durationFields reads {seconds: 60, nanos: 0}.
func (d *decoder) durationFields(n *yaml.Node, m protoreflect.Message, path string) bool {
	before := len(d.faults)
	d.message(n, m, path)
	if len(d.faults) > before {
		return false
	}
	fields := m.Descriptor().Fields()
	v := durationpb.Duration{
		Seconds: m.Get(fields.ByNumber(1)).Int(),
		Nanos:   int32(m.Get(fields.ByNumber(2)).Int()),
	}
	if v.CheckValid() != nil {
		d.fault(n, path, "want at most 315576000000 seconds either way, and less than 10^9 nanos of the same sign, got %d and %d", v.GetSeconds(), v.GetNanos())
		return false
	}
	return true
}

// parseDuration reads the JSON mapping's form by protojson itself, and otherwise
// Go's.
func parseDuration(s string) (*durationpb.Duration, bool) {
	var v durationpb.Duration
	if quoted, err := json.Marshal(s); err == nil && protojson.Unmarshal(quoted, &v) == nil {
		return &v, true
	}
	if g, err := time.ParseDuration(s); err == nil {
		return durationpb.New(g), true
	}
	return nil, false
}
