package keep_test

import (
	"io"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc/grpclog"

	"github.com/freshet-io/freshet/resolver/internal/resolvertest"
)

// logged holds the ERROR lines of this process.
var logged = &resolvertest.Lines{}

func TestMain(m *testing.M) {
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, logged))
	goleak.VerifyTestMain(m)
}
