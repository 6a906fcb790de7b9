package cachepolicy_test

import (
	"sync"
	"testing"

	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/freshet-io/freshet/cachepolicy"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// TestConcurrentUse is for the race detector, and for buffers that two keys
// might share.
func TestConcurrentUse(t *testing.T) {
	set, err := cachepolicy.FromRegistry(protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	reply := products(3)
	request := func(i int) *testv1.ListProductsRequest {
		return &testv1.ListProductsRequest{Word: string(rune('a' + i)), RequestId: "r"}
	}
	in := func(i int) cachepolicy.KeyInput {
		return cachepolicy.KeyInput{Method: testv1.Shop_ListProducts_FullMethodName, Request: request(i), Metadata: metadataOf("accept-language=en")}
	}
	rule := set.Lookup(testv1.Shop_ListProducts_FullMethodName).Cache
	var want [8][32]byte
	for i := range want {
		want[i] = mustKey(t, rule, in(i))
	}
	var wg sync.WaitGroup
	for i := range want {
		wg.Go(func() {
			for range 200 {
				r := cachepolicy.Merge(set, nil).Lookup(testv1.Shop_ListProducts_FullMethodName).Cache
				if key, err := r.Key(in(i)); err != nil || key != want[i] {
					t.Errorf("got key %x and %v, want %x", key, err, want[i])
					return
				}
				if a, err := r.Admit(cachepolicy.Reply{Request: request(i), Message: reply}); err != nil || len(a.Groups) != 4 {
					t.Errorf("got %+v and %v, want four groups", a, err)
					return
				}
			}
		})
	}
	wg.Wait()
}
