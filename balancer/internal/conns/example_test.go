package conns_test

import (
	"fmt"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/balancer/internal/conns"
)

func ExampleNew() {
	cc := new(fakeCC) // stands for the channel: its subchannels become READY
	m := conns.New(cc, balancer.BuildOptions{}, conns.Hooks[struct{}]{
		Publish: func(s conns.Snapshot[struct{}]) {
			fmt.Println(s.Aggregate, s.Counts.Ready, "of", s.Counts.Ready+s.Counts.Connecting)
		},
	})
	defer m.Close()
	err := m.Update([]resolver.Endpoint{{Addresses: []resolver.Address{{Addr: "10.0.0.1:443"}}}}, nil)
	cc.run()
	fmt.Println(err, m.Leaves()[0].Key)
	// Output:
	// CONNECTING 0 of 1
	// READY 1 of 1
	// <nil> 10.0.0.1:443
}
