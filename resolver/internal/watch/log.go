package watch

import (
	"fmt"
	"strings"

	"google.golang.org/grpc/grpclog"

	"github.com/freshet-io/freshet/resolver/internal/fault"
)

// loudAfter is how many failures in a row are told though there is a list.
const loudAfter = 3

// log writes lines that begin with the scheme and the subject.
type log struct {
	to     grpclog.DepthLoggerV2
	prefix string
}

func newLog(scheme, subject string) log {
	return log{to: grpclog.Component("freshet/" + scheme), prefix: scheme + ": " + subject + ": "}
}

// errorf writes at the level ERROR, the only one that grpclog prints unless told
// otherwise. The end of a trouble is written there too: if it stayed unseen the
// trouble would be believed to last.
func (l log) errorf(format string, args ...any) {
	l.to.ErrorDepth(1, l.prefix+fmt.Sprintf(format, args...))
}

func (l log) warningf(format string, args ...any) {
	l.to.WarningDepth(1, l.prefix+fmt.Sprintf(format, args...))
}

// errorOf returns an error that says what it is about.
func (l log) errorOf(format string, args ...any) error {
	return fmt.Errorf("%s%w", l.prefix, fmt.Errorf(format, args...))
}

// cut returns the text of an error that errorOf made, without what errorf adds.
func (l log) cut(err error) string {
	return strings.TrimPrefix(err.Error(), l.prefix)
}

// complaint tells of a name service that fails: once when it begins to matter,
// again when the reason changes, and when it is over. A connection that breaks
// and is made again is no news.
type complaint struct {
	log  log
	news fault.News
}

func (c *complaint) begin(err error, inARow int, p *publisher) {
	if p.list == nil {
		c.news.Tell(err.Error())
		p.report(c.log.errorOf("%w", err))
		return
	}
	if inARow >= loudAfter && c.news.Tell(err.Error()) {
		c.log.errorf("%v; failed %d times in a row, keeping the last good list of %d endpoints", err, inARow, len(p.list))
	}
}

func (c *complaint) end() {
	if c.news.End() {
		c.log.errorf("the name service answers again")
	}
}
