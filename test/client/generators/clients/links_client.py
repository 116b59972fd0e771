# Runs the calls of the scenario, one JSON array on each line of standard input, with the client that OpenAPI Generator made.
import json
import sys

generated, base_url, token = sys.argv[1:]
sys.path.insert(0, generated)
from openapi_client import ApiClient, ApiException, Configuration, IssueLinkChange, LinksApi, NewIssueLink

configuration = Configuration(host=base_url)
configuration.access_token = token
client = ApiClient(configuration)
links = LinksApi(client)


def create(issue_id, relationship, issue):
    return links.create_issue_link(issue_id, NewIssueLink(relationship=relationship, issue=issue))


def update(issue_id, link_id, relationship):
    return links.update_issue_link(issue_id, link_id, IssueLinkChange(relationship=relationship))


OPERATIONS = {
    'list': links.list_issue_links,
    'create': create,
    'get': links.get_issue_link,
    'update': update,
    'delete': links.delete_issue_link,
}

for line in sys.stdin:
    operation, *arguments = json.loads(line)
    try:
        result = OPERATIONS[operation](*arguments)
        outcome = {'result': client.sanitize_for_serialization(result)}
    except ApiException as exception:
        outcome = {'error': json.loads(exception.body)}
    print(json.dumps(outcome), flush=True)
