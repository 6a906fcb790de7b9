package loadreport_test

import (
	"fmt"

	"google.golang.org/grpc"

	"github.com/freshet-io/freshet/balancer/loadreport"
)

func ExampleNew() {
	reporter, err := loadreport.New(loadreport.WithUncounted("/travel.v1.Prices/Subscribe"))
	if err != nil {
		fmt.Println(err)
		return
	}
	server := grpc.NewServer(reporter.ServerOptions()...)
	defer server.Stop()
	fmt.Println(len(reporter.ServerOptions()), "options")
	// Output: 2 options
}
