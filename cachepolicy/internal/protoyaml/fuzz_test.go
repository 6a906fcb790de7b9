package protoyaml_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/freshet-io/freshet/cachepolicy/internal/protoyaml"
	freshetv1 "github.com/freshet-io/freshet/proto/freshet/v1"
)

// FuzzDecode: no text makes Decode panic; a fault has a place and a reason; what
// protojson accepts is accepted with an equal message; and what is accepted
// survives being written by protojson.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		"", "{}", "null", policies, "methods: [{policy: {cache: {max_age: 60, jitter: 1e-3}}}]",
		`{"methods":[{"method":"/a.B/C","policy":{"cache":{"maxAge":"60s","scope":"PUBLIC","prefer":2,"eagerRefresh":0.8,"maxEntryBytes":"1e3"}}}]}`,
		`{"methods":[{"policy":{"cache":{"unsyncedMaxAge":"-0.000000001s","jitter":"NaN","vary":["\ud83d\ude00"],"groups":[]}}},{}],"allow_unknown_methods":true}`,
		"a: &a [*a]", "<<: {}", "--- !!map\n...\n---\n", "? {a: b}\n: |+\n  x\n", "\"\\x41\": '''", "methods:\n- method: >-\n    a\n    b\n",
		"{\"methods\":[{\"policy\":{\"cache\":{\"maxAge\":\"+.5s\",\"max_age\":null}}}]}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var got, want freshetv1.PolicyFile
		positions, faults := protoyaml.Decode(data, &got)
		for _, fault := range faults {
			if fault.Line < 1 || fault.Column < 1 || fault.Reason == "" {
				t.Errorf("a fault without a place or a reason: %+v", fault)
			}
		}
		for path, p := range positions {
			if p.Line < 1 || p.Column < 1 {
				t.Errorf("%q is at %+v", path, p)
			}
		}
		if err := protojson.Unmarshal(data, &want); err == nil && json.Valid(data) && len(data) <= protoyaml.MaxBytes && namedEnums(&want) {
			if len(faults) > 0 {
				t.Fatalf("protojson accepts %q, Decode does not: %v", data, faults)
			}
			if !proto.Equal(&want, &got) {
				t.Fatalf("%q is not what protojson reads (-want +got):\n%s", data, cmp.Diff(&want, &got, protocmp.Transform()))
			}
		}
		if len(faults) == 0 {
			again(t, &got)
		}
	})
}

// again writes a message and reads it.
func again(t *testing.T, m proto.Message) {
	t.Helper()
	text, err := protojson.Marshal(m)
	if err != nil || len(text) > protoyaml.MaxBytes {
		return
	}
	var got freshetv1.PolicyFile
	if _, faults := protoyaml.Decode(text, &got); len(faults) > 0 {
		t.Fatalf("Decode does not accept what protojson writes, %s: %v", text, faults)
	}
	if !proto.Equal(m, &got) {
		t.Fatalf("%s is read as another message (-want +got):\n%s", text, cmp.Diff(m, &got, protocmp.Transform()))
	}
}

// namedEnums says that every enum number in file has a name; protojson accepts
// others, Decode does not.
func namedEnums(file *freshetv1.PolicyFile) bool {
	named := true
	for _, e := range file.GetMethods() {
		c := e.GetPolicy().GetCache()
		for _, v := range []protoreflect.Enum{c.GetScope(), c.GetPrefer()} {
			named = named && v.Descriptor().Values().ByNumber(v.Number()) != nil
		}
	}
	return named
}
