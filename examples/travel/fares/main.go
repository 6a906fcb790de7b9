// Command fares serves the travel example's Fares service.
//
//	go run ./examples/travel/fares -addr 127.0.0.1:50052 -db travel.db
package main

import (
	"os"

	"github.com/freshet-io/freshet/examples/travel/internal/service"
	"github.com/freshet-io/freshet/examples/travel/internal/standalone"
)

func main() { os.Exit(standalone.Main(service.Fares, "127.0.0.1:50052")) }
