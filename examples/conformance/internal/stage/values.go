package stage

import (
	"encoding/base64"
	"strconv"
	"strings"

	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/freshet-io/freshet/examples/conformance/internal/script"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

func parseInt(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err
}

// pairs makes metadata of "key: value" lines.
func pairs(lines []string) metadata.MD {
	md := metadata.MD{}
	for _, l := range lines {
		k, v := cutLine(l)
		md.Append(k, v)
	}
	return md
}

// cutLine splits "key: value", and decodes the value of a "-bin" key, which is
// written in base64.
func cutLine(l string) (key, value string) {
	key, value, _ = strings.Cut(l, ":")
	key, value = strings.TrimSpace(key), strings.TrimPrefix(value, " ")
	if strings.HasSuffix(key, "-bin") {
		if raw, err := base64.StdEncoding.DecodeString(value); err == nil {
			value = string(raw)
		}
	}
	return key, value
}

// Product is what the shop answers.
func Product(id string, r script.Reply) *testv1.Product {
	p := &testv1.Product{
		Id: id, Name: r.Body, Tags: []string{"a", "b"}, Numbers: []int32{1, -2, 3},
		Parts:  []*testv1.Product_Part{{Name: "wheel", Count: 2, Parts: []*testv1.Product_Part{{Name: "spoke", Count: 32}}}},
		Notes:  map[string]string{"en": "fine", "de": "fein"},
		Places: map[int32]*testv1.Product_Part{7: {Name: "shelf"}},
		Size:   &testv1.Product_Letter{Letter: "M"},
	}
	if r.Size > 0 {
		p.Picture = make([]byte, r.Size)
		for i := range p.Picture {
			p.Picture[i] = byte(i * 7)
		}
	}
	if r.Strange {
		soldOut := false // set, and the default
		p.SoldOut = &soldOut
		p.Picture = []byte{0xff, 0xfe, 0x00, 0x80}
		p.Extra, _ = anypb.New(&testv1.Product_Part{Name: "in an Any"})
		raw := protowire.AppendTag(nil, 1999, protowire.BytesType)
		raw = protowire.AppendBytes(raw, []byte("of a later version"))
		raw = protowire.AppendTag(raw, 1998, protowire.StartGroupType)
		raw = protowire.AppendTag(raw, 1, protowire.VarintType)
		raw = protowire.AppendVarint(raw, 5)
		raw = protowire.AppendTag(raw, 1998, protowire.EndGroupType)
		p.ProtoReflect().SetUnknown(raw)
	}
	return p
}
