// Package fault decides which of many failures in a row are worth a line in a
// log: the first, and later ones that say something else, one a minute. (Many
// say something else each time: a network error has a port number in it.)
//
//	if news.Tell(err.Error()) {
//		logger.Errorf("…: %v", err)
//	}
//	…
//	if news.End() {
//		logger.Errorf("…: is good again")
//	}
package fault

import "time"

const pause = time.Minute

// News remembers what was told last. The zero value is ready. It is used by one
// goroutine at a time.
type News struct {
	text string
	at   time.Time
	told bool
}

// Tell reports whether a failure with this text is to be told, and takes it for
// told if so.
func (n *News) Tell(text string) bool {
	if n.told && (n.text == text || time.Since(n.at) < pause) {
		return false
	}
	*n = News{text: text, at: time.Now(), told: true}
	return true
}

// End forgets the failures, and reports whether there were any.
func (n *News) End() bool {
	told := n.told
	*n = News{}
	return told
}
