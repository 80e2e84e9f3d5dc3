# Drives Net::XMPP, a client library of 2000s: logs in by `iq-auth` (XEP-0078, digest where it is offered) or `sasl`
# (Authen::SASL picks the mechanism), sends one message, prints what came back.
use strict;
use warnings;
use Net::XMPP;
my ($host, $port, $mode, $user, $password, $to) = @ARGV;
my $client = Net::XMPP::Client->new();
$client->Connect(hostname => $host, port => $port, componentname => 'localhost', tls => 0, timeout => 10)
  or die "no connection\n";
my @result = $mode eq 'iq-auth'
  ? $client->AuthIQAuth(username => $user, password => $password, resource => 'net-xmpp')
  : $client->AuthSend(username => $user, password => $password, resource => 'net-xmpp');
print "result: @result\n";
exit 1 if $result[0] ne 'ok';
$client->PresenceSend();
$client->MessageSend(to => $to, body => "by $mode", type => 'chat');
$client->Process(1);
$client->Disconnect();
