drop table topological_order;
