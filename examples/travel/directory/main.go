// Command directory serves the travel example's Directory service.
//
//	go run ./examples/travel/directory -addr 127.0.0.1:50051 -db travel.db
package main

import (
	"os"

	"github.com/freshet-io/freshet/examples/travel/internal/service"
	"github.com/freshet-io/freshet/examples/travel/internal/standalone"
)

func main() { os.Exit(standalone.Main(service.Directory, "127.0.0.1:50051")) }
