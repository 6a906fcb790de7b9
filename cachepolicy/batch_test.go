package cachepolicy_test

import (
	"errors"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/dynamicpb"
	"pgregory.net/rapid"

	"github.com/freshet-io/freshet/cachepolicy"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

func shopBatch(t testing.TB) *cachepolicy.Batch {
	t.Helper()
	set, err := cachepolicy.Parse("p.yaml", []byte(`
methods:
  - method: /freshet.test.v1.Shop/BatchGetProducts
    policy:
      cache: {max_age: 60s, scope: PUBLIC, groups: ["product:{ids}"], batch: {ids: ids, items: products, item_id: id}}
`))
	if err != nil {
		t.Fatal(err)
	}
	return set.Lookup("/freshet.test.v1.Shop/BatchGetProducts").Cache.Batch
}

func productsOf(ids ...string) *testv1.BatchGetProductsResponse {
	m := &testv1.BatchGetProductsResponse{}
	for _, id := range ids {
		m.Products = append(m.Products, &testv1.Product{Id: id, Name: "product " + id})
	}
	return m
}

func TestBatchOnly(t *testing.T) {
	b := shopBatch(t)
	req := &testv1.BatchGetProductsRequest{Ids: []string{"a", "b", "a", "c"}, Language: "de"}
	req.ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 99, protowire.VarintType), 7))
	ids, err := b.IDs(req)
	diff(t, "ids", ids, []string{"a", "b", "a", "c"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.Only(req, 3, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := proto.CloneOf(req)
	want.Ids = []string{"c", "a"}
	diff(t, "request", got, proto.Message(want), protocmp.Transform())
	if _, err := b.Only(req, 4); err == nil {
		t.Error("an id that is not there: got no error")
	}
	if _, err := b.Only(&testv1.GetProductRequest{}, 0); err == nil {
		t.Error("another request: got no error")
	}
}

func TestBatchSplit(t *testing.T) {
	b := shopBatch(t)
	odd := productsOf("a")
	odd.ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 99, protowire.VarintType), 7))
	for _, tt := range []struct {
		name  string
		reply *testv1.BatchGetProductsResponse
		ids   []string
		want  []proto.Message
		err   error
	}{
		{"in order", productsOf("a", "b"), []string{"a", "b"}, []proto.Message{productsOf("a"), productsOf("b")}, nil},
		{"in another order", productsOf("b", "a"), []string{"a", "b"}, []proto.Message{productsOf("a"), productsOf("b")}, nil},
		{"one missing", productsOf("b"), []string{"a", "b"}, []proto.Message{productsOf(), productsOf("b")}, nil},
		{"all missing", productsOf(), []string{"a", "b"}, []proto.Message{productsOf(), productsOf()}, nil},
		{"one twice", productsOf("a", "a"), []string{"a", "b"}, nil, cachepolicy.ErrNotABatch},
		{"one that was not asked for", productsOf("a", "x"), []string{"a", "b"}, nil, cachepolicy.ErrNotABatch},
		{"an item without an id", productsOf(""), []string{"a"}, nil, cachepolicy.ErrNotABatch},
		{"an item of the empty id", productsOf(""), []string{""}, []proto.Message{productsOf("")}, nil},
		{"unknown fields", odd, []string{"a"}, nil, cachepolicy.ErrNotABatch},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := b.Split(tt.reply, tt.ids)
			if !errors.Is(err, tt.err) {
				t.Fatalf("got %v, want %v", err, tt.err)
			}
			diff(t, "parts", got, tt.want, protocmp.Transform())
		})
	}
}

// TestBatchSplitsAndJoins: what is taken apart by ids and put together by them is what it was.
func TestBatchSplitsAndJoins(t *testing.T) {
	b := shopBatch(t)
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfDistinct(rapid.StringMatching(`[a-d]{0,2}`), rapid.ID[string]).Draw(t, "ids")
		var there []string
		for _, id := range ids {
			if rapid.Bool().Draw(t, "there") {
				there = append(there, id)
			}
		}
		want := productsOf(there...)
		parts, err := b.Split(proto.CloneOf(want), ids)
		if err != nil {
			t.Fatal(err)
		}
		got := &testv1.BatchGetProductsResponse{}
		for _, p := range parts {
			if err := b.Join(got, p); err != nil {
				t.Fatal(err)
			}
		}
		if !proto.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

func TestBatchOfOtherSchemas(t *testing.T) {
	b := shopBatch(t)
	dynamic := dynamicpb.NewMessage(productsOf().ProtoReflect().Descriptor())
	if err := b.Join(dynamic, productsOf("a")); err != nil {
		t.Errorf("a dynamic reply of the same schema: %v", err)
	}
	if err := b.Join(productsOf(), &testv1.ListProductsResponse{}); err == nil {
		t.Error("another method's reply: got no error")
	}
	if _, err := b.Split(&testv1.GetProductResponse{}, nil); err == nil {
		t.Error("another method's reply: got no error")
	}
}

func TestBatchRefusals(t *testing.T) {
	const sole = "odd.v1.Message has a field \"v_double\", too: what a reply says beside its items cannot be put together from them"
	for _, tt := range []struct {
		batch string
		want  []string
	}{
		{``, []string{"cache.batch.ids: missing: a batch names ids, items and item_id", "cache.batch.items: missing: a batch names ids, items and item_id"}},
		{`ids: "no" items: "nor"`, []string{`cache.batch.ids: field path "no": odd.v1.Message has no field "no"`, `cache.batch.items: field path "nor": odd.v1.Message has no field "nor"`}},
		{`ids: "v_string" items: "l_string"`, []string{`cache.batch.ids: want a repeated scalar field of odd.v1.Message itself, got "v_string"`, `cache.batch.items: want a repeated message field of odd.v1.Message itself, got "l_string"`}},
		{`ids: "inner.words" items: "inner.inners" item_id: "name"`, []string{`cache.batch.ids: want a repeated scalar field of odd.v1.Message itself, got "inner.words"`, `cache.batch.items: want a repeated message field of odd.v1.Message itself, got "inner.inners"`}},
		{`ids: "l_string" items: "places" item_id: "key"`, []string{`cache.batch.items: want a repeated message field of odd.v1.Message itself, got "places"`}},
		{`ids: "l_string" items: "inners"`, []string{"cache.batch.items: " + sole, "cache.batch.item_id: missing: a batch names ids, items and item_id"}},
		{`ids: "l_string" items: "inners" item_id: "words"`, []string{"cache.batch.items: " + sole, `cache.batch.item_id: want one id for each item, got "words", which leads through a list`}},
		{`ids: "l_int32" items: "inners" item_id: "name"`, []string{"cache.batch.items: " + sole, `cache.batch.item_id: want the type of an id, int32, got "name" of type string`}},
	} {
		t.Run(tt.batch, func(t *testing.T) {
			_, err := cachepolicy.FromRegistry(odd(t, rpc{name: "M", level: safe, policy: "cache { max_age { seconds: 60 } batch { " + tt.batch + " } }"}))
			for i := range tt.want {
				tt.want[i] = "odd.proto: /odd.v1.Odd/M: " + tt.want[i]
			}
			diff(t, "faults", texts(t, err), tt.want)
		})
	}
}
