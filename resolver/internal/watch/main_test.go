package watch_test

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc/grpclog"
)

// logged holds the ERROR lines of this process.
var logged = &lines{}

func TestMain(m *testing.M) {
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, logged))
	goleak.VerifyTestMain(m)
}

type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// drain returns the messages since the last call, without what is set before
// them.
func (l *lines) drain() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for line := range strings.Lines(l.b.String()) {
		if _, message, ok := strings.Cut(line, "[freshet/test]"); ok {
			out = append(out, strings.TrimSpace(message))
		}
	}
	l.b.Reset()
	return out
}
