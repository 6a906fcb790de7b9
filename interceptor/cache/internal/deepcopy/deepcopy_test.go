package deepcopy_test

import (
	"bytes"
	"runtime"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/freshet-io/freshet/interceptor/cache/internal/deepcopy"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

func marshal(t *rapid.T, m proto.Message) []byte {
	t.Helper()
	// Of a copy: encoding notes sizes in the message.
	b, err := proto.MarshalOptions{Deterministic: true, AllowPartial: true}.Marshal(proto.Clone(m))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Whatever a holder does to a copy, and whatever happens to the message that was
// frozen, the original and other copies stay what they were.
func TestCopies(t *testing.T) {
	t.Parallel()
	var c deepcopy.Copier
	rapid.Check(t, func(t *rapid.T) {
		like := drawShape(t)
		src := draw(t, like)
		want := marshal(t, src)
		o := c.Freeze(src)
		check := func(what string, m proto.Message) {
			t.Helper()
			if !bytes.Equal(marshal(t, m), want) {
				t.Fatalf("%s differs:\n%v\nwant\n%v", what, m, src)
			}
		}
		check("the original", o.Message())

		first, second := draw(t, like), like.ProtoReflect().New().Interface()
		for _, dst := range []proto.Message{first, second} {
			if !o.Fits(dst) {
				t.Fatalf("%T does not fit %T", dst, src)
			}
			o.CopyTo(dst)
			check("a copy", dst)
			if !proto.Equal(dst, src) {
				t.Fatal("a copy is not equal")
			}
		}
		if o.Shareable() {
			shared := draw(t, like)
			o.ShareWith(shared)
			check("a shared copy", shared)
		}
		plain := o.Shareable() // proto.Merge's own work is not ours to test
		if plain {
			scribble(src)
		}
		check("the original, when its source was changed,", o.Message())
		if plain {
			scribble(first)
		}
		if rapid.IntRange(0, 20).Draw(t, "collect") == 0 {
			runtime.GC()
		}
		check("the original, when a copy was changed,", o.Message())
		check("the other copy", second)
		o.CopyTo(first)
		check("the third copy", first)
	})
}

// A holder of a shared message may set its fields and append to its lists.
func TestShared(t *testing.T) {
	t.Parallel()
	var c deepcopy.Copier
	o := c.Freeze(&testv1.Product{
		Id: "1", SoldOut: proto.Bool(false), Tags: append(make([]string, 0, 8), "new"),
		Parts: append(make([]*testv1.Product_Part, 0, 8), &testv1.Product_Part{Name: "a"}),
		Size:  &testv1.Product_Letter{Letter: "M"}, Picture: append(make([]byte, 0, 8), 1),
	})
	var a, b testv1.Product
	o.ShareWith(&a)
	o.ShareWith(&b)
	if a.GetParts()[0] != b.GetParts()[0] {
		t.Error("the parts are not shared")
	}
	a.Id = "2"
	*a.SoldOut = true
	a.Tags = append(a.Tags, "mine")
	a.Parts = append(a.Parts, &testv1.Product_Part{Name: "mine"})
	a.GetSize().(*testv1.Product_Letter).Letter = "L"
	a.Picture = append(a.Picture, 2)
	b.Tags = append(b.Tags, "other")
	if got := a.GetTags()[1]; got != "mine" {
		t.Errorf("the tag is %q, after another holder's append", got)
	}
	var fresh testv1.Product
	o.CopyTo(&fresh)
	if fresh.GetId() != "1" || fresh.GetSoldOut() || len(fresh.GetTags()) != 1 || len(fresh.GetParts()) != 1 || fresh.GetLetter() != "M" || len(fresh.GetPicture()) != 1 {
		t.Errorf("the original has changed: %v", &fresh)
	}
}

// Nil pointers and empty slices that only code can make.
func TestOddities(t *testing.T) {
	t.Parallel()
	var c deepcopy.Copier
	src := &testv1.Product{
		Parts:  []*testv1.Product_Part{nil, {Name: "a"}, nil},
		Places: map[int32]*testv1.Product_Part{1: nil, 2: {Name: "b"}},
		Size:   (*testv1.Product_Letter)(nil),
		Tags:   make([]string, 0, 4), Picture: []byte{},
		Notes: map[string]string{},
	}
	o := c.Freeze(src)
	var dst testv1.Product
	o.CopyTo(&dst)
	if !proto.Equal(&dst, src) {
		t.Errorf("got %v, want %v", &dst, src)
	}
	if dst.GetParts()[0] != nil || dst.GetPlaces()[1] != nil {
		t.Error("a nil message is there")
	}
	if dst.Tags == nil || cap(dst.Tags) != 0 || dst.Picture == nil || dst.Notes == nil {
		t.Error("empty became nil, or has room")
	}
	var other *testv1.Product
	if o.Fits(other) || o.Fits(nil) || o.Fits(&testv1.Product_Part{}) || !o.Fits(&dst) {
		t.Error("Fits is wrong")
	}
}
