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
	reporter.Register(server)
	reporter.SetUtilization("db_write", 0.7)
	for service := range server.GetServiceInfo() {
		fmt.Println(service)
	}
	// Output: xds.service.orca.v3.OpenRcaService
}
