package protoyaml_test

import (
	"fmt"

	"github.com/freshet-io/freshet/cachepolicy/internal/protoyaml"
	freshetv1 "github.com/freshet-io/freshet/proto/freshet/v1"
)

func ExampleDecode() {
	text := `
methods:
- method: /shop.v1.Shop/GetProduct
  policy:
    cach: {max_age: 60s}
- method: /shop.v1.Shop/GetStock
  policy:
    cache: {max_age: 5, groups: stock}
`
	var file freshetv1.PolicyFile
	positions, faults := protoyaml.Decode([]byte(text), &file)
	for _, f := range faults {
		fmt.Printf("policy.yaml:%v\n", f)
	}
	fmt.Println(positions["methods[1].policy.cache.max_age"].Line)
	// Output:
	// policy.yaml:5:5: methods[0].policy: unknown field "cach" of MethodPolicy, did you mean "cache"?
	// policy.yaml:8:22: methods[1].policy.cache.max_age: want a duration such as "60s", "1.5s", "250ms" or "5m", got the number 5: write the unit
	// policy.yaml:8:33: methods[1].policy.cache.groups: want a list, got the text "stock": write it as [ … ] or as lines that begin with "- "
	// 8
}
