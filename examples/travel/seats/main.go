// Command seats serves the travel example's Seats service.
//
//	go run ./examples/travel/seats -addr 127.0.0.1:50053 -db travel.db
package main

import (
	"os"

	"github.com/freshet-io/freshet/examples/travel/internal/service"
	"github.com/freshet-io/freshet/examples/travel/internal/standalone"
)

func main() { os.Exit(standalone.Main(service.Seats, "127.0.0.1:50053")) }
