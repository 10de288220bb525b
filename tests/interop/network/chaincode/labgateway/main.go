// labgateway: asks a peer's gateway service N times to evaluate a query of a system chaincode, at the peers of given
// organisations; prints how often it succeeded and exits 1 if it was not always.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	cb "github.com/hyperledger/fabric-protos-go/common"
	gw "github.com/hyperledger/fabric-protos-go/gateway"
	pb "github.com/hyperledger/fabric-protos-go/peer"
	"github.com/hyperledger/fabric/cmd/common/signer"
	"github.com/hyperledger/fabric/protoutil"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

func check(what string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
		os.Exit(1)
	}
}

func only(dir string) string {
	m, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(m) != 1 {
		check(dir, fmt.Errorf("want exactly one file, found %d", len(m)))
	}
	return m[0]
}

func main() {
	peer := flag.String("peer", "", "peer whose gateway is asked")
	ca := flag.String("ca", "", "its TLS root, PEM file")
	user := flag.String("user", "", "cryptogen user directory (…/users/User1@org1.example.com)")
	mspid := flag.String("mspid", "Org1MSP", "MSP id of that user")
	channel := flag.String("channel", "mychannel", "channel")
	orgs := flag.String("orgs", "", "MSP ids of the organisations whose peers are to evaluate, with commas; empty: any")
	n := flag.Int("n", 10, "queries")
	flag.Parse()
	sg, err := signer.NewSigner(signer.Config{MSPID: *mspid,
		IdentityPath: only(filepath.Join(*user, "msp/signcerts")),
		KeyPath:      only(filepath.Join(*user, "msp/keystore"))})
	check("signer", err)
	pem, err := os.ReadFile(*ca)
	check("ca", err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	pair, err := tls.LoadX509KeyPair(filepath.Join(*user, "tls/client.crt"), filepath.Join(*user, "tls/client.key"))
	check("client TLS", err)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	connection, err := grpc.DialContext(ctx, *peer, grpc.WithBlock(), grpc.WithTransportCredentials(credentials.NewTLS(
		&tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12})))
	check("dial", err)
	gateway := gw.NewGatewayClient(connection)
	ok := 0
	for i := 0; i < *n; i++ {
		proposal, id, err := protoutil.CreateChaincodeProposal(cb.HeaderType_ENDORSER_TRANSACTION, *channel,
			&pb.ChaincodeInvocationSpec{ChaincodeSpec: &pb.ChaincodeSpec{Type: pb.ChaincodeSpec_GOLANG,
				ChaincodeId: &pb.ChaincodeID{Name: "qscc"},
				Input:       &pb.ChaincodeInput{Args: [][]byte{[]byte("GetChainInfo"), []byte(*channel)}}}}, sg.Creator)
		check("proposal", err)
		signed, err := protoutil.GetSignedProposal(proposal, sg)
		check("signature", err)
		request := &gw.EvaluateRequest{TransactionId: id, ChannelId: *channel, ProposedTransaction: signed}
		if *orgs != "" {
			request.TargetOrganizations = strings.Split(*orgs, ",")
		}
		answer, err := gateway.Evaluate(ctx, request)
		if err != nil {
			fmt.Fprintln(os.Stderr, "evaluate:", err)
		} else if answer.Result.Status == 200 {
			ok++
		}
	}
	fmt.Printf("%d of %d succeeded\n", ok, *n)
	if ok < *n {
		os.Exit(1)
	}
}
