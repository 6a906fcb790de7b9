package deepcopy_test

import (
	"runtime"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/freshet-io/freshet/interceptor/cache/internal/deepcopy"
	shapesv1 "github.com/freshet-io/freshet/proto/freshet/test/shapes/v1"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// Size is what originals take on the heap, within a fifth, for messages with
// a plan: a budget that believes it is kept.
func TestSize(t *testing.T) {
	for name, c := range map[string]struct {
		m    proto.Message
		most float64
	}{
		"nested":  {catalogue(70), 1.2},
		"parts":   {parts(400), 1.2},
		"small":   {catalogue(1), 1.3},
		"flat":    {&testv1.Product{Picture: make([]byte, 50_000)}, 1.2},
		"map":     {&testv1.Product{Notes: manyNotes(1000)}, 1.4},
		"foreign": {extendeds(500), 2},
		"values":  {values(t), 1.3},
	} {
		body, err := proto.Marshal(c.m)
		if err != nil {
			t.Fatal(err)
		}
		decoded := func() proto.Message {
			m := c.m.ProtoReflect().New().Interface()
			if err := proto.Unmarshal(body, m); err != nil {
				t.Fatal(err)
			}
			return m
		}
		var copier deepcopy.Copier
		copier.Freeze(decoded()) // compiled now
		const n = 100
		originals := make([]*deepcopy.Original, n)
		before := heapInUse()
		var charged int64
		for i := range originals {
			originals[i] = copier.Freeze(decoded())
			charged += originals[i].Size()
		}
		taken := int64(heapInUse() - before)
		ratio := float64(charged) / float64(taken)
		t.Logf("%s: %d B of wire take %d B, charged %d B: %.2f", name, len(body), taken/n, charged/n, ratio)
		if ratio < 0.8 || ratio > c.most {
			t.Errorf("%s: charged %d B for %d B", name, charged, taken)
		}
		runtime.KeepAlive(originals)
	}
}

func heapInUse() uint64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

func manyNotes(n int) map[string]string {
	m := map[string]string{}
	for i := range n {
		m[string(rune('a'+i%26))+string(rune('0'+i/26))] = "a note of some length"
	}
	return m
}

func extendeds(n int) *shapesv1.Legacy {
	m := &shapesv1.Legacy{}
	for range n {
		m.Extendeds = append(m.Extendeds, &shapesv1.Extended{Name: proto.String("a name of some length")})
	}
	return m
}

func values(t *testing.T) *structpb.Struct {
	t.Helper()
	s, err := structpb.NewStruct(map[string]any{"a": 1.5, "b": []any{"x", "y", true, nil}, "c": map[string]any{"d": "e"}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
