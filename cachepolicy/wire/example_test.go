package wire_test

import (
	"fmt"
	"time"

	"github.com/freshet-io/freshet/cachepolicy/wire"
)

func ExampleParseResponse() {
	header, err := wire.ParseResponse([]string{`Max-Age=60, ext="x, max-age=3600"`})
	fmt.Println(header, err)
	trailer, err := wire.ParseResponse([]string{"private", "max-age=5"})
	fmt.Println(trailer, err)
	fmt.Println(wire.MergeResponse(header, trailer))
	_, err = wire.ParseResponse([]string{"max-age=an hour"})
	fmt.Println(err)
	// Output:
	// max-age=60 <nil>
	// private, max-age=5 <nil>
	// private, max-age=5
	// wire: malformed cache-control: want a list of directives, got "max-age=an hour"
}

func ExampleParseRequest() {
	r := wire.ParseRequest([]string{"max-age=10, min-fresh=soon"})
	age, ok := r.MaxAge.Get()
	fmt.Println(age, ok, r.NoCache)
	// Output: 10s true true
}

func ExampleParseTargeted() {
	r, ok := wire.ParseTargeted([]string{"max-age=3600, no-cache=\"x-user\""})
	fmt.Println(r, ok)
	_, ok = wire.ParseTargeted([]string{`max-age="3600"`})
	fmt.Println(ok)
	// Output:
	// no-cache="x-user", max-age=3600 true
	// false
}

func ExampleFormatGroups() {
	value, _ := wire.FormatGroups([]string{"product:1", "café"})
	fmt.Println(value)
	groups, _ := wire.ParseGroups([]string{value, `"list";soft`})
	fmt.Println(groups)
	// Output:
	// "product:1", :Y2Fmw6k=:
	// [product:1 café list]
}

func ExampleStatus() {
	fmt.Println(wire.Status{Hit: true, TTL: wire.SecondsOf(57 * time.Second)})
	fmt.Println(wire.Status{Fwd: wire.FwdURIMiss, FwdStatus: wire.Some(0), Stored: true, TTL: wire.SecondsOf(time.Minute)})
	s, _ := wire.ParseStatus([]string{"edge; fwd=miss", "freshet; hit; ttl=-3"})
	ttl, _ := s.TTL.Get()
	fmt.Println(s.Cache, s.Hit, ttl)
	// Output:
	// freshet; hit; ttl=57
	// freshet; fwd=uri-miss; fwd-status=0; stored; ttl=60
	// freshet true -3s
}
