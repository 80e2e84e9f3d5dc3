// A component for tests, with nothing but Go's standard library: it answers disco#info and ping, sends messages back,
// and says what it is told about roster privileges. Usage: component HOST:PORT DOMAIN SECRET
package main

import (
	"crypto/sha1"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
)

type stanza struct {
	XMLName xml.Name
	From    string `xml:"from,attr"`
	To      string `xml:"to,attr"`
	ID      string `xml:"id,attr"`
	Type    string `xml:"type,attr"`
	Body    string `xml:"body"`
	Inner   string `xml:",innerxml"`
}

func escape(text string) string {
	var out strings.Builder
	_ = xml.EscapeText(&out, []byte(text))
	return out.String()
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func main() {
	address, domain, secret := os.Args[1], os.Args[2], os.Args[3]
	connection, err := net.Dial("tcp", address)
	if err != nil {
		fail(err)
	}
	fmt.Fprintf(connection, "<stream:stream xmlns='jabber:component:accept' "+
		"xmlns:stream='http://etherx.jabber.org/streams' to='%s'>", escape(domain))
	decoder := xml.NewDecoder(connection)
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			return
		}
		if err != nil {
			fail(err)
		}
		start, isStart := token.(xml.StartElement)
		if !isStart {
			if _, isEnd := token.(xml.EndElement); isEnd {
				return
			}
			continue
		}
		if start.Name.Local == "stream" {
			for _, attribute := range start.Attr {
				if attribute.Name.Local == "id" {
					fmt.Fprintf(connection, "<handshake>%x</handshake>", sha1.Sum([]byte(attribute.Value+secret)))
				}
			}
			continue
		}
		var got stanza
		if err := decoder.DecodeElement(&got, &start); err != nil {
			fail(err)
		}
		switch {
		case start.Name.Local == "handshake":
			fmt.Println("connected")
		case start.Name.Local == "error":
			fail(fmt.Errorf("stream error: %s", got.Inner))
		case start.Name.Local == "message" && got.Body != "":
			fmt.Fprintf(connection, "<message from='%s' to='%s' id='%s' type='%s'><body>%s</body></message>",
				escape(got.To), escape(got.From), escape(got.ID), escape(got.Type), escape(got.Body))
		case start.Name.Local == "iq" && got.Type == "get" && strings.Contains(got.Inner, "urn:xmpp:ping"):
			answer(connection, got, "")
		case start.Name.Local == "iq" && got.Type == "get" && strings.Contains(got.Inner, "disco#info"):
			answer(connection, got, "<query xmlns='http://jabber.org/protocol/disco#info'>"+
				"<identity category='component' type='generic' name='Written in Go'/>"+
				"<feature var='http://jabber.org/protocol/disco#info'/></query>")
		case start.Name.Local == "iq" && (got.Type == "get" || got.Type == "set"):
			fmt.Fprintf(connection, "<iq type='error' from='%s' to='%s' id='%s'><error type='cancel'>"+
				"<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
				escape(got.To), escape(got.From), escape(got.ID))
		}
	}
}

func answer(to io.Writer, request stanza, payload string) {
	fmt.Fprintf(to, "<iq type='result' from='%s' to='%s' id='%s'>%s</iq>",
		escape(request.To), escape(request.From), escape(request.ID), payload)
}
