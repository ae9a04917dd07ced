// Go's own reverse proxy, with a static token: what a Go programmer has after ten minutes. Settings: PORT, UPSTREAM (an origin), TOKEN.
package main

import (
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"sync"
)

// buffers lends the copy buffers again; without it ReverseProxy makes one of 32 KiB for each body.
type buffers struct{ sync.Pool }

func (b *buffers) Get() []byte       { return *b.Pool.Get().(*[]byte) }
func (b *buffers) Put(buffer []byte) { b.Pool.Put(&buffer) }

func newBuffer() any {
	buffer := make([]byte, 32*1024)
	return &buffer
}

func main() {
	upstream, err := url.Parse(os.Getenv("UPSTREAM"))
	if err != nil {
		log.Fatal(err)
	}
	authorization := "Bearer " + os.Getenv("TOKEN")

	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns = 0
	transport.MaxIdleConnsPerHost = 2048 // the default of 2 would make a connection for almost every request
	transport.DisableCompression = true

	// Director rather than Rewrite: the latter came with Go 1.20, and Debian 12 has 1.19.
	proxy := &httputil.ReverseProxy{
		Director: func(request *http.Request) {
			request.URL.Scheme = upstream.Scheme
			request.URL.Host = upstream.Host
			request.Host = upstream.Host
			request.Header.Set("Authorization", authorization)
			request.Header["X-Forwarded-For"] = nil // adds none
		},
		Transport:  transport,
		BufferPool: &buffers{sync.Pool{New: newBuffer}},
	}
	mux := http.NewServeMux()
	mux.Handle("/amsu-analysis/", proxy)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), mux))
}
