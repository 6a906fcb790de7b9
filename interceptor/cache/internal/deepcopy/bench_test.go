package deepcopy_test

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/freshet-io/freshet/interceptor/cache/internal/deepcopy"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// catalogue is a page of products with strings, lists, maps and messages within.
func catalogue(products int) *testv1.ListProductsResponse {
	r := &testv1.ListProductsResponse{Serial: 1}
	for i := range products {
		r.Products = append(r.Products, &testv1.Product{
			Id: fmt.Sprintf("product-%06d", i), Name: fmt.Sprintf("a product with the number %d", i),
			Kind: testv1.Kind_KIND_BOOK, Price: 1999, Tags: []string{"new", "on sale"},
			Parts: []*testv1.Product_Part{
				{Name: "cover", Count: 1}, {Name: "pages", Count: 320, Parts: []*testv1.Product_Part{{Name: "page", Count: 1}}},
			},
			Notes: map[string]string{"en": "a good one", "de": "ein gutes"},
			Size:  &testv1.Product_Millimetres{Millimetres: 210},
		})
	}
	return r
}

func parts(n int) *testv1.GetProductResponse {
	p := &testv1.Product{Id: "1", Name: "a product", Kind: testv1.Kind_KIND_BOOK, Price: 1999, Tags: []string{"new", "sale"}}
	for i := range n {
		p.Parts = append(p.Parts, &testv1.Product_Part{Name: fmt.Sprintf("part %d", i), Count: int32(i), Parts: []*testv1.Product_Part{{Name: "within", Count: 1}}})
	}
	return &testv1.GetProductResponse{Serial: 1, Product: p}
}

// BenchmarkCopy is each way to a caller's message beside decoding.
func BenchmarkCopy(b *testing.B) {
	for _, reply := range []proto.Message{catalogue(7), catalogue(70), catalogue(700), parts(40), parts(400), parts(4000)} {
		body, err := proto.Marshal(reply)
		if err != nil {
			b.Fatal(err)
		}
		var c deepcopy.Copier
		o := c.Freeze(reply)
		empty := func() proto.Message { return reply.ProtoReflect().New().Interface() }
		for _, way := range []struct {
			name string
			f    func(proto.Message)
		}{
			{"unmarshal", func(m proto.Message) { _ = proto.Unmarshal(body, m) }},
			{"merge", func(m proto.Message) { proto.Merge(m, o.Message()) }},
			{"copy", o.CopyTo},
			{"share", o.ShareWith},
		} {
			b.Run(fmt.Sprintf("%T/%dB/%s", reply, len(body), way.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					way.f(empty())
				}
			})
		}
	}
}
