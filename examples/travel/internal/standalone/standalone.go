// Package standalone is the main function of the example's three server
// binaries: one replica of one service, on a database file that other replicas
// may share.
package standalone

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/freshet-io/freshet/examples/travel/internal/db"
	"github.com/freshet-io/freshet/examples/travel/internal/service"
	"github.com/freshet-io/freshet/examples/travel/internal/telemetry"
)

// flushTimeout bounds how long the last traces may take to leave.
const flushTimeout = 5 * time.Second

type config struct {
	name      service.Name
	addr      string
	path      string
	telemetry telemetry.Config
}

// Main serves a service as the command line says until SIGINT or SIGTERM, lets
// the calls under way end, and returns the exit code: 0, 1 after a fault, or 2
// after a command line that makes no sense. Without -addr it listens on addr.
func Main(name service.Name, addr string) int {
	cfg := config{name: name, telemetry: telemetry.Config{Writer: os.Stdout, Service: string(name)}}
	fs := flag.NewFlagSet(string(name), flag.ContinueOnError)
	fs.StringVar(&cfg.addr, "addr", addr, "host:port to listen on; port 0 chooses one")
	fs.StringVar(&cfg.path, "db", "travel.db", "SQLite `file`, made and filled if it is new; replicas share one")
	cfg.telemetry.Flags(fs)
	if err := fs.Parse(os.Args[1:]); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, cfg, os.Stderr); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return 1
	}
	return 0
}

func serve(ctx context.Context, cfg config, log io.Writer) (err error) {
	tel, err := telemetry.Setup(ctx, cfg.telemetry)
	if err != nil {
		return err
	}
	defer func() {
		flush, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
		defer cancel()
		err = errors.Join(err, tel.Shutdown(flush))
	}()
	d, err := db.Open(ctx, cfg.path, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	server, err := service.New(service.Config{
		DB: d, Services: []service.Name{cfg.name}, Options: tel.ServerOptions(),
	})
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.addr)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(log, "%s: serving %s on %s\n", cfg.name, cfg.path, listener.Addr()); err != nil {
		return errors.Join(err, listener.Close())
	}
	return ServeUntil(ctx, server, listener)
}

// ServeUntil serves until ctx ends, and returns when the calls under way have
// ended.
func ServeUntil(ctx context.Context, server *service.Server, l net.Listener) error {
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	server.Drain()
	return <-served
}
