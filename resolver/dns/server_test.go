package dns_test

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
)

// Record types and response codes of RFC 1035, 2782 and 3596.
const (
	typeA    = 1
	typeAAAA = 28
	typeSRV  = 33

	codeServFail = 2
	codeNXDomain = 3

	udpLimit = 512
)

// nameServer answers queries on the loopback interface, over UDP and, where
// answers do not fit, over TCP.
type nameServer struct {
	address string

	mu      sync.Mutex
	records map[string][][]byte // of "type name.", as they stand in an answer
	broken  bool                // every answer is a failure of the server
	silent  bool                // there are no answers
	overTCP int
	queried chan struct{} // has one for each query, as far as they fit
}

func newNameServer(t *testing.T) *nameServer {
	t.Helper()
	s := &nameServer{records: map[string][][]byte{}, queried: make(chan struct{}, 4)}
	var wg sync.WaitGroup
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = l.Addr().String()
	c, err := net.ListenPacket("udp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	wg.Go(func() { s.serveUDP(c) })
	wg.Go(func() { s.serveTCP(l) })
	t.Cleanup(func() {
		_, _ = l.Close(), c.Close()
		wg.Wait()
	})
	return s
}

func (s *nameServer) serveUDP(c net.PacketConn) {
	buf := make([]byte, 4096)
	for {
		n, from, err := c.ReadFrom(buf)
		if err != nil {
			return
		}
		if answer := s.answer(buf[:n], udpLimit); answer != nil {
			_, _ = c.WriteTo(answer, from)
		}
	}
}

func (s *nameServer) serveTCP(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.overTCP++
		s.mu.Unlock()
		var length [2]byte
		if _, err := io.ReadFull(c, length[:]); err == nil {
			query := make([]byte, binary.BigEndian.Uint16(length[:]))
			if _, err := io.ReadFull(c, query); err == nil {
				answer := s.answer(query, 1<<16)
				_, _ = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
			}
		}
		c.Close()
	}
}

// answer returns the response to a query of one question, nil for none.
func (s *nameServer) answer(query []byte, limit int) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.queried <- struct{}{}:
	default:
	}
	if s.silent || len(query) < 12 {
		return nil
	}
	var name strings.Builder
	i := 12
	for query[i] != 0 {
		name.Write(query[i+1 : i+1+int(query[i])])
		name.WriteByte('.')
		i += 1 + int(query[i])
	}
	kind := binary.BigEndian.Uint16(query[i+1:])
	question := query[12 : i+5]
	records := s.records[key(kind, name.String())]
	code := byte(0)
	switch {
	case s.broken:
		code, records = codeServFail, nil
	case records == nil && s.records[key(typeA, name.String())] == nil && s.records[key(typeAAAA, name.String())] == nil:
		code = codeNXDomain
	}
	answer := []byte{query[0], query[1], 0x85, 0x80 | code, 0, 1, 0, 0, 0, 0, 0, 0} // a response, authoritative, recursion available
	answer = append(answer, question...)
	for n, r := range records {
		if len(answer)+len(r) > limit {
			answer[2] |= 2 // truncated
			break
		}
		binary.BigEndian.PutUint16(answer[6:], uint16(n+1))
		answer = append(answer, r...)
	}
	return answer
}

func key(kind uint16, name string) string { return string(rune(kind)) + " " + name }

// set replaces the records of a type and name by the given data.
func (s *nameServer) set(kind uint16, name string, data ...[]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	records := make([][]byte, len(data))
	for i, d := range data {
		// The question's name, the type, class IN, a time to live of 0.
		r := binary.BigEndian.AppendUint16([]byte{0xc0, 12}, kind)
		r = append(r, 0, 1, 0, 0, 0, 0)
		records[i] = append(binary.BigEndian.AppendUint16(r, uint16(len(d))), d...)
	}
	s.records[key(kind, name)] = records
}

func (s *nameServer) fail(broken, silent bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken, s.silent = broken, silent
}

// wait waits until n more queries have come.
func (s *nameServer) wait(t *testing.T, n int) {
	t.Helper()
	for len(s.queried) > 0 {
		<-s.queried
	}
	for range n {
		select {
		case <-s.queried:
		case <-t.Context().Done():
			t.Fatal("nobody asks")
		}
	}
}

func (s *nameServer) countTCP() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.overTCP
}

func ip(s string) []byte { return netip.MustParseAddr(s).AsSlice() }

func srvData(priority, weight, port uint16, target string) []byte {
	var d []byte
	for _, n := range []uint16{priority, weight, port} {
		d = binary.BigEndian.AppendUint16(d, n)
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(target, "."), ".") {
		d = append(append(d, byte(len(label))), label...)
	}
	return append(d, 0)
}
