import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.api.LinksApi;
import org.openapitools.client.model.IssueLinkChange;
import org.openapitools.client.model.NewIssueLink;

/** Runs the calls of the scenario, one JSON array on each line of standard input, with the client that OpenAPI Generator made. */
class LinksClient {
  private final LinksApi links;

  private LinksClient(ApiClient client) {
    links = new LinksApi(client);
  }

  public static void main(String[] args) throws Exception {
    URI base = URI.create(args[0]);
    ApiClient client = new ApiClient().setScheme(base.getScheme()).setHost(base.getHost()).setPort(base.getPort());
    client.setBasePath(base.getPath());
    client.setRequestInterceptor(request -> request.header("Authorization", "OAuth " + args[1]));
    LinksClient linksClient = new LinksClient(client);
    ObjectMapper mapper = client.getObjectMapper();
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      Map<String, Object> outcome = new HashMap<>();
      try {
        outcome.put("result", linksClient.call(mapper.readTree(line)));
      } catch (ApiException exception) {
        outcome.put("error", mapper.readTree(exception.getResponseBody()));
      }
      System.out.println(mapper.writeValueAsString(outcome));
    }
  }

  private Object call(JsonNode call) throws ApiException {
    String issueId = call.get(1).asText();
    switch (call.get(0).asText()) {
      case "list":
        return links.listIssueLinks(issueId, null, null, null, null);
      case "create":
        NewIssueLink link = new NewIssueLink().relationship(call.get(2).asText()).issue(call.get(3).asText());
        return links.createIssueLink(issueId, link, null, null, null, null);
      case "get":
        return links.getIssueLink(issueId, call.get(2).asLong(), null, null, null, null);
      case "update":
        IssueLinkChange change = new IssueLinkChange().relationship(call.get(3).asText());
        return links.updateIssueLink(issueId, call.get(2).asLong(), change, null, null, null, null);
      case "delete":
        links.deleteIssueLink(issueId, call.get(2).asLong(), null, null, null);
        return null;
      default:
        throw new IllegalArgumentException(call.toString());
    }
  }
}
