// labload: sends endorsed transactions to a lab network without one process per
// transaction: propose to every -peer, sign, broadcast; bounded in count and time.
package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	cb "github.com/hyperledger/fabric-protos-go/common"
	ab "github.com/hyperledger/fabric-protos-go/orderer"
	pb "github.com/hyperledger/fabric-protos-go/peer"
	"github.com/hyperledger/fabric/cmd/common/signer"
	"github.com/hyperledger/fabric/protoutil"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

type list []string

func (l *list) String() string     { return strings.Join(*l, ",") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

func die(f string, a ...interface{}) { fmt.Fprintf(os.Stderr, f+"\n", a...); os.Exit(1) }

func only(dir string) string {
	m, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(m) != 1 {
		die("want exactly one file in %s, found %d", dir, len(m))
	}
	return m[0]
}

func main() {
	var peers, cas list
	flag.Var(&peers, "peer", "endorser address (repeat)")
	flag.Var(&cas, "ca", "TLS root PEM file (repeat)")
	ord := flag.String("orderer", "127.0.0.1:17050", "orderer address")
	user := flag.String("user", "", "cryptogen user directory (…/users/User1@org1.example.com)")
	mspid := flag.String("mspid", "Org1MSP", "MSP id of that user")
	ch := flag.String("channel", "mychannel", "channel")
	ccname := flag.String("cc", "labcc", "chaincode name")
	n := flag.Int("n", 10, "transactions")
	c := flag.Int("c", 8, "concurrent senders")
	size := flag.Int("size", 100, "value bytes (0 with -coll too: 100)")
	coll := flag.String("coll", "", "private-data collection; empty: public put")
	prefix := flag.String("prefix", fmt.Sprintf("k%d", time.Now().Unix()), "key prefix")
	rate := flag.Float64("rate", 0, "at most this many transactions a second (0: no limit)")
	wait := flag.Bool("wait", true, "wait until every ordered transaction is committed on -event, and count valid ones")
	event := flag.String("event", "", "peer whose filtered block events -wait follows (default: first -peer)")
	limit := flag.Duration("limit", 5*time.Minute, "stop after this long")
	flag.Parse()
	if len(peers) == 0 || len(cas) == 0 || *user == "" {
		die("need -peer, -ca and -user")
	}
	sg, err := signer.NewSigner(signer.Config{MSPID: *mspid,
		IdentityPath: only(filepath.Join(*user, "msp/signcerts")),
		KeyPath:      only(filepath.Join(*user, "msp/keystore"))})
	if err != nil {
		die("signer: %v", err)
	}
	pool := x509.NewCertPool()
	for _, f := range cas {
		b, err := os.ReadFile(f)
		if err != nil || !pool.AppendCertsFromPEM(b) {
			die("bad CA file %s: %v", f, err)
		}
	}
	kp, err := tls.LoadX509KeyPair(filepath.Join(*user, "tls/client.crt"), filepath.Join(*user, "tls/client.key"))
	if err != nil {
		die("client TLS: %v", err)
	}
	creds := credentials.NewTLS(&tls.Config{RootCAs: pool, Certificates: []tls.Certificate{kp}, MinVersion: tls.VersionTLS12})
	ctx, cancel := context.WithTimeout(context.Background(), *limit)
	defer cancel()
	dial := func(a string) *grpc.ClientConn {
		dctx, dc := context.WithTimeout(ctx, 10*time.Second)
		defer dc()
		cn, err := grpc.DialContext(dctx, a, grpc.WithTransportCredentials(creds), grpc.WithBlock())
		if err != nil {
			die("dial %s: %v", a, err)
		}
		return cn
	}
	var ends []pb.EndorserClient
	for _, p := range peers {
		ends = append(ends, pb.NewEndorserClient(dial(p)))
	}
	oc := ab.NewAtomicBroadcastClient(dial(*ord))

	jobs := make(chan int)
	var mu sync.Mutex
	mine := map[string]bool{}                // ordered by us, not yet seen committed
	seen := map[string]pb.TxValidationCode{} // committed, seen before we recorded it
	var valid, invalid, blocks int
	evdone := make(chan error, 1)
	all := make(chan struct{})
	if *wait {
		ea := *event
		if ea == "" {
			ea = peers[0]
		}
		dc, err := pb.NewDeliverClient(dial(ea)).DeliverFiltered(ctx)
		if err != nil {
			die("events: %v", err)
		}
		h := sha256.Sum256(kp.Certificate[0])
		env, err := protoutil.CreateSignedEnvelopeWithTLSBinding(cb.HeaderType_DELIVER_SEEK_INFO, *ch, sg, &ab.SeekInfo{
			Start:    &ab.SeekPosition{Type: &ab.SeekPosition_Newest{Newest: &ab.SeekNewest{}}},
			Stop:     &ab.SeekPosition{Type: &ab.SeekPosition_Specified{Specified: &ab.SeekSpecified{Number: math.MaxUint64}}},
			Behavior: ab.SeekInfo_BLOCK_UNTIL_READY}, 0, 0, h[:])
		if err != nil {
			die("seek: %v", err)
		}
		if err := dc.Send(env); err != nil {
			die("events: %v", err)
		}
		first, err := dc.Recv() // the newest block: from here on nothing is missed
		if err != nil || first.GetFilteredBlock() == nil {
			die("events from %s: %v %v", ea, err, first)
		}
		go func() {
			sent := false
			fin := func() {
				select {
				case <-all:
					if len(mine) == 0 && !sent {
						sent = true
						evdone <- nil
					}
				default:
				}
			}
			go func() {
				<-all
				mu.Lock()
				fin()
				mu.Unlock()
			}()
			for {
				r, err := dc.Recv()
				if err != nil {
					mu.Lock()
					if !sent {
						sent = true
						evdone <- err
					}
					mu.Unlock()
					return
				}
				mu.Lock()
				hit := false
				for _, t := range r.GetFilteredBlock().GetFilteredTransactions() {
					if mine[t.Txid] {
						delete(mine, t.Txid)
						hit = true
						count(t.TxValidationCode, &valid, &invalid)
					} else {
						seen[t.Txid] = t.TxValidationCode
					}
				}
				if hit {
					blocks++
				}
				fin()
				mu.Unlock()
			}
		}()
	}
	ordered := func(txid string) {
		mu.Lock()
		defer mu.Unlock()
		if code, found := seen[txid]; found {
			delete(seen, txid)
			count(code, &valid, &invalid)
			return
		}
		mine[txid] = true
	}
	var ok, bad int64
	var wg sync.WaitGroup
	start := time.Now()
	for w := 0; w < *c; w++ {
		st, err := oc.Broadcast(ctx)
		if err != nil {
			die("broadcast: %v", err)
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer st.CloseSend()
			for i := range jobs {
				if txid, err := one(ctx, sg, ends, st, *ch, *ccname, *coll, fmt.Sprintf("%s-%d", *prefix, i), *size); err != nil {
					if atomic.AddInt64(&bad, 1) <= 3 {
						fmt.Fprintln(os.Stderr, "tx", i, ":", err)
					}
				} else {
					atomic.AddInt64(&ok, 1)
					if *wait {
						ordered(txid)
					}
				}
			}
		}()
	}
	for i := 0; i < *n && ctx.Err() == nil; i++ {
		if *rate > 0 {
			if d := time.Until(start.Add(time.Duration(float64(i) / *rate * float64(time.Second)))); d > 0 {
				<-time.After(d)
			}
		}
		jobs <- i
	}
	close(jobs)
	wg.Wait()
	el := time.Since(start)
	fmt.Printf("ordered %d, failed %d, in %.2fs (%.0f tx/s)\n", ok, bad, el.Seconds(), float64(ok)/el.Seconds())
	if *wait {
		close(all)
		select {
		case err := <-evdone:
			if err != nil {
				die("events: %v", err)
			}
		case <-time.After(time.Minute):
			die("a minute after the last broadcast %d transactions are still not committed", len(mine))
		}
		el = time.Since(start)
		fmt.Printf("committed %d valid, %d invalid, in %d+ blocks, %.2fs (%.0f tx/s)\n", valid, invalid, blocks, el.Seconds(), float64(valid)/el.Seconds())
		if invalid > 0 {
			os.Exit(1)
		}
	}
	if bad > 0 || ok < int64(*n) {
		os.Exit(1)
	}
}

func one(ctx context.Context, sg *signer.Signer, ends []pb.EndorserClient, st ab.AtomicBroadcast_BroadcastClient, ch, ccname, coll, key string, size int) (string, error) {
	if size == 0 {
		size = 100
	}
	val := []byte(key + ":" + strings.Repeat("x", size))
	val = val[:max1(size, len(key))]
	args := [][]byte{[]byte("put"), []byte(key), val}
	var tr map[string][]byte
	if coll != "" {
		args = [][]byte{[]byte("putpvt"), []byte(coll), []byte(key)}
		tr = map[string][]byte{"value": val}
	}
	cis := &pb.ChaincodeInvocationSpec{ChaincodeSpec: &pb.ChaincodeSpec{
		Type: pb.ChaincodeSpec_GOLANG, ChaincodeId: &pb.ChaincodeID{Name: ccname},
		Input: &pb.ChaincodeInput{Args: args}}}
	prop, txid, err := protoutil.CreateChaincodeProposalWithTransient(cb.HeaderType_ENDORSER_TRANSACTION, ch, cis, sg.Creator, tr)
	if err != nil {
		return "", err
	}
	sp, err := protoutil.GetSignedProposal(prop, sg)
	if err != nil {
		return "", err
	}
	rs := make([]*pb.ProposalResponse, len(ends))
	es := make([]error, len(ends))
	var wg sync.WaitGroup
	for i := range ends {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			rs[i], es[i] = ends[i].ProcessProposal(ctx, sp)
			if es[i] == nil && rs[i].Response.Status >= 400 {
				es[i] = fmt.Errorf("endorser %d: %d %s", i, rs[i].Response.Status, rs[i].Response.Message)
			}
		}(i)
	}
	wg.Wait()
	for _, e := range es {
		if e != nil {
			return "", e
		}
	}
	env, err := protoutil.CreateSignedTx(prop, sg, rs...)
	if err != nil {
		return "", err
	}
	if err := st.Send(env); err != nil {
		return "", err
	}
	r, err := st.Recv()
	if err != nil {
		return "", err
	}
	if r.Status != cb.Status_SUCCESS {
		return "", fmt.Errorf("orderer: %s %s", r.Status, r.Info)
	}
	return txid, nil
}

func count(c pb.TxValidationCode, valid, invalid *int) {
	if c == pb.TxValidationCode_VALID {
		*valid++
	} else {
		*invalid++
		fmt.Fprintln(os.Stderr, "invalid:", c)
	}
}

func max1(a, b int) int {
	if a > b {
		return a
	}
	return b
}
